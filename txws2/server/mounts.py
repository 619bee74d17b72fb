"""`Mounts`: WebSockets at several paths, and a site of twisted.web, on one port."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IProtocolNegotiationFactory,
    ITransport,
)
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from zope.interface import implementer

from txws2._checks.kinds import shown
from txws2._connection.counters import Books, FactoryCounters
from txws2._connection.handle import driver_of
from txws2._connection.phases import CONNECTING
from txws2._transport.epoll_sharing import give_back
from txws2.exceptions import InvalidHost, InvalidPath, ServerClosing
from txws2.server.arrivals import Arrival, Arrivals
from txws2.server.factory import WebSocketServerFactory, WebSocketServerProtocol
from txws2.server.plain_requests import page_for
from txws2.wire.handshake.server import refusal
from txws2.wire.http.first_requests import asks_for_websocket, is_tls, path_of
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.mount_points import MountPoints

if TYPE_CHECKING:
    import twisted.web.resource
    import twisted.web.server

__all__ = ["Mounts", "factories_of", "has_site", "with_paths"]

# twisted.web has this limit for a whole head. A line may be as long as our own limit says, as that
# of cookies; the other lines of a request for a WebSocket are short.
_OTHER_LINES = 16 * 1024

# A line with more paths is hard to read.
_SHOWN = 5


@implementer(IProtocolNegotiationFactory)
class Mounts(Factory):
    """Serves WebSockets at several paths, and a site of twisted.web, on the same port.

    It is a factory, for anything that takes a `WebSocketServerFactory` to listen with: `run`,
    `WebSocketService`, or the `listen` of an endpoint. The first request of a connection decides to
    whom the connection belongs. Each factory keeps its options, limits, hooks and counters; they
    don't see the connections of the others, nor those of the site.

    A path belongs to the longest mount that is this path or above it: "/chat" has "/chat",
    "/chat/" and "/chat/lobby", but not "/chats", and "/" has all paths that no other mount has.
    The factories get the whole path.

    Args:
        factories: the `WebSocketServerFactory` at each path. One may be at several paths.
        site: has all requests that aren't for a WebSocket, and those for a WebSocket at a path
            without a mount. It is a resource of twisted.web; or a `twisted.web.server.Site`, if it
            is to have an access log or a timeout of its own, and then nobody else may use that.
            None if there is no site: then the factories answer all requests, and those at a path
            without a mount get a 404.
        reactor: the reactor to run on; None for that of the factories, or else the global one.

    Attributes:
        factories: the factories, each once. The last one has no mount: it refuses requests at
            paths without a mount, and clients that send no request within open_timeout. It has the
            time limits of the first factory.
        site: the `twisted.web.server.Site`; None if there is none.

    Raises:
        TypeError: a factory or the site is of another kind.
        ValueError: a path is malformed, has a parameter, or is the same as another; the factories
            have different reactors; or there are neither factories nor a site.
    """

    noisy = False

    def __init__(
        self,
        factories: Mapping[str, WebSocketServerFactory],
        # A type checker that doesn't know zope.interface doesn't take a Resource for an IResource.
        site: (
            twisted.web.resource.IResource
            | twisted.web.resource.Resource
            | twisted.web.server.Site
            | None
        ) = None,
        *,
        reactor: Any = None,
    ) -> None:
        mounted = _checked(factories)
        if not mounted and site is None:
            raise ValueError("Mounts() needs a factory or a site; there is neither")
        self._points = MountPoints(factories)
        self._paths = list(factories)
        self._rest = self._make_rest(mounted, _reactor_of(mounted, reactor))
        self.reactor = self._rest.reactor
        self.factories: tuple[WebSocketServerFactory, ...] = (*mounted, self._rest)
        # Its connections wait for their events with the ports; the others leave that epoll.
        self.epoll_owner = self.factories[0]
        self.log = Logger(namespace="txws2.server")
        self.clock = self._rest.clock
        self._made = self.clock.seconds()
        self._arrivals = Arrivals(
            self.clock,
            self._rest.open_timeout,
            _OTHER_LINES + max(factory.head_limits.line_size for factory in self.factories),
            site is not None,
            self._settle,
            self._miss,
        )
        self._mounted_site: Any = None
        if site is not None:
            # Only sites need twisted.web.
            from txws2.server.mounted_site import MountedSite

            self._mounted_site = MountedSite(site, self._points.find, self._rest)
        self.site: twisted.web.server.Site | None = getattr(self._mounted_site, "site", None)

    def _make_rest(
        self, mounted: Sequence[WebSocketServerFactory], reactor: Any
    ) -> WebSocketServerFactory:
        """Return the factory that has what no mount has."""
        if not mounted:
            return WebSocketServerFactory(process_request=self._no_mount, reactor=reactor)
        first = mounted[0]
        return WebSocketServerFactory(
            process_request=self._no_mount,
            reactor=reactor,
            open_timeout=first.open_timeout,
            close_timeout=first.close_timeout,
            log_connections=first.log_connections,
        )

    @property
    def connections(self) -> Collection[WebSocketServerProtocol]:
        """The connections of all factories, in any state."""
        return {each for factory in self.factories for each in factory.connections}

    @property
    def counters(self) -> FactoryCounters:
        """The counters of all factories together."""
        books = Books()
        for factory in self.factories:
            books.add(factory.books)
        standings = (
            driver.standing() for factory in self.factories for driver in factory.drivers()
        )
        return books.counters(standings, self.clock.seconds() - self._made)

    def acceptableProtocols(self) -> list[bytes]:
        """Return the protocols to accept by ALPN (RFC 7301): HTTP/2 has no upgrade."""
        return [b"http/1.1"]

    def buildProtocol(self, addr: IAddress | None) -> Arrival:
        """Make the protocol that takes the first request of a connection."""
        return Arrival(self._arrivals, addr)

    def doStart(self) -> None:
        """Called by Twisted when a port has begun to listen."""
        super().doStart()  # type: ignore[no-untyped-call]
        if self._mounted_site is not None:
            self._mounted_site.serve()
        for factory in self.factories:
            factory.doStart()
        if self.site is not None:
            self.site.doStart()

    def doStop(self) -> None:
        """Called by Twisted when a port has stopped listening."""
        super().doStop()  # type: ignore[no-untyped-call]
        for factory in self.factories:
            factory.doStop()
        if self.site is not None:
            self.site.doStop()
        if self.numPorts == 0:
            self.leave()

    def leave(self) -> list[Deferred[None]]:
        """Answer nobody new: no port will listen any more.

        Clients whose request hasn't come get a 503. The site answers the requests that it has,
        within close_timeout, and ends its other connections.

        Returns:
            Deferreds that fire when this is done.
        """
        self._arrivals.settle_all(self._turn_away)
        return [] if self._mounted_site is None else [self._mounted_site.leave()]

    def _is_answering(self) -> bool:
        """Tell whether any request to the site has no whole response yet."""
        return self._mounted_site is not None and self._mounted_site.is_answering()

    def give_up(self) -> None:
        """End the connections of the site."""
        if self._mounted_site is not None:
            self._mounted_site.give_up()

    # The first request of each connection.

    def _settle(self, arrival: Arrival) -> None:
        """Give a connection to whom its first request belongs."""
        owner = self._owner_of(arrival.kept) or self.site
        assert owner is not None
        self._hand_over(arrival, owner)

    def _hand_over(self, arrival: Arrival, owner: Any) -> Any:
        """Give a connection to a factory, or to the site; return its protocol."""
        if owner is not self.epoll_owner:
            give_back(cast(ITransport, arrival.transport))
        return arrival.hand_over(owner.buildProtocol)

    def _owner_of(self, data: bytes | bytearray) -> WebSocketServerFactory | None:
        """Return the factory for a first request; None if it is the site's."""
        if is_tls(data):
            # Our own reader of requests explains this best.
            return self._rest
        if self.site is None:
            return self._points.find(path_of(data)) or self._rest
        return self._points.find(path_of(data)) if asks_for_websocket(data) else None

    def _miss(self, arrival: Arrival) -> None:
        """Refuse a client whose request took too long to come."""
        driver = driver_of(self._hand_over(arrival, self._rest))
        if driver.phase is CONNECTING:
            driver.opening_missed()

    def _turn_away(self, arrival: Arrival) -> None:
        """Refuse a client because the server stops."""
        arrival.kept = b""
        driver_of(self._hand_over(arrival, self._rest)).turn_away(ServerClosing())

    def _no_mount(self, connection: WebSocketServerProtocol, request: Request) -> Response:
        """Refuse a request for a path without a mount; this is a hook."""
        try:
            page = page_for(driver_of(connection), request)
        except InvalidHost as exc:
            return refusal(exc)
        if page is not None:
            return page
        reason = InvalidPath(request.path.partition("?")[0])
        response = refusal(reason)
        if "Upgrade" in request.fields:
            # The log warns only of WebSocket clients: scanners try any path of any server.
            some = ", ".join(map(repr, self._paths[:_SHOWN]))
            more = ", and others" if len(self._paths) > _SHOWN else ""
            advice = f"Mounts() has {some or 'none'}{more}"
            driver = driver_of(connection)
            self._rest._warnings.refused(driver, response.status_code, reason, advice)
        return response


def factories_of(factory: WebSocketServerFactory | Mounts) -> tuple[WebSocketServerFactory, ...]:
    """Return the factories whose connections come through the ports of this one."""
    return factory.factories if isinstance(factory, Mounts) else (factory,)


def has_site(factory: object) -> bool:
    """Return True if browsers reach the ports of this factory by http or https, too."""
    return isinstance(factory, Mounts) and factory.site is not None


def with_paths(uri: str, factory: object) -> str:
    """Return the URI of a port, with the paths of its WebSockets unless there is one at "/"."""
    paths = factory._paths if isinstance(factory, Mounts) else []
    if not paths or "/" in paths:
        return uri
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{uri.removesuffix('/')}{', '.join(paths[:_SHOWN])}{more}"


def _checked(factories: Mapping[str, WebSocketServerFactory]) -> list[WebSocketServerFactory]:
    """Return the factories, each once.

    Raises:
        TypeError: there is something else among them.
    """
    if not hasattr(factories, "items"):
        raise TypeError(
            f"Mounts() takes a mapping, as {{'/chat': WebSocketServerFactory(chat)}}; it is "
            f"{shown(factories)}"
        )
    for path, factory in factories.items():
        if not isinstance(factory, WebSocketServerFactory):
            raise TypeError(
                f"{path!r} must have a WebSocketServerFactory, as "
                f"WebSocketServerFactory(handler); it is {shown(factory)}"
            )
    return list(dict.fromkeys(factories.values()))


def _reactor_of(factories: Sequence[WebSocketServerFactory], reactor: Any) -> Any:
    """Return the one reactor of the factories, or else the one that was given.

    Raises:
        ValueError: they have different reactors.
    """
    reactors = {id(factory.reactor): factory.reactor for factory in factories}
    if reactor is not None:
        reactors[id(reactor)] = reactor
    if len(reactors) > 1:
        raise ValueError("all factories of Mounts() must have the same reactor")
    return next(iter(reactors.values()), None)
