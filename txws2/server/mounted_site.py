"""The site of `Mounts`: it has what is not for a WebSocket, and ends with the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import SWITCHING, HTTPChannel
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from txws2._checks.kinds import shown
from txws2._deferreds.isolation import isolated
from txws2._deferreds.waiters import Waiters
from txws2._private_names import SITE_CHANNEL
from txws2._time.deadlines import call_off
from txws2._transport.capabilities import abort
from txws2.exceptions import ServerClosing
from txws2.server.factory import WebSocketServerFactory
from txws2.server.resource import WebSocketResource, respond
from txws2.server.site_bodies import SMALL_BODY, largest_body, segments_of_target
from txws2.wire.handshake.server import refusal
from txws2.wire.http.first_requests import path_of_target

__all__ = ["MountedSite", "put_back", "site_asks_for_websocket"]

Find = Callable[[str], WebSocketServerFactory | None]

# Seconds. A client that is still sending a body must not lose the response: RFC 9112 section 9.6.
_LINGER = 5

_TOO_LARGE = b"The body of this request is too large.\n"
_REFUSAL = (
    b"HTTP/1.1 413 Content Too Large\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: %d\r\n"
    b"Connection: close\r\n\r\n%b" % (len(_TOO_LARGE), _TOO_LARGE)
)


class MountedSite:
    """A site whose connections have begun elsewhere.

    A connection that a client keeps open may ask for a WebSocket later. A body that is larger than
    its resource takes is refused before it is read; see `largest_body`.

    Args:
        site: a resource of twisted.web, for which a site without an access log is made; or a site.
        find: returns the factory at a path; None if there is none.
        timed: has the reactor, the clock, and the close_timeout.

    Attributes:
        site: the site.
        leaving: True from the moment when the server stops.

    Raises:
        TypeError: the site is of another kind.
    """

    def __init__(self, site: Any, find: Find, timed: WebSocketServerFactory) -> None:
        if IResource.providedBy(site) and not isinstance(site, Site):
            site = _SilentSite(site, reactor=timed.reactor)  # type: ignore[no-untyped-call]
        elif not isinstance(site, Site):
            raise TypeError(
                "site must be a resource of twisted.web, as File('public'), or a Site of one; "
                f"it is {shown(site)}"
            )
        self.site: Site = site
        self.leaving = False
        self._timed = timed
        self._channels: set[_Channel] = set()
        self._deadline: IDelayedCall | None = None
        self._waiters: Waiters[None] = Waiters()
        # A channel that can also speak HTTP/2 isn't needed: `Mounts` doesn't offer that.
        site.protocol = lambda: _Channel(self)
        site.resource = _Root(site.resource, find, self)

    def serve(self) -> None:
        """Answer requests from now on."""
        self.leaving = False

    def leave(self) -> Deferred[None]:
        """Answer the requests that have begun, within close_timeout, and end all connections.

        Returns:
            A Deferred that fires when this is done.
        """
        if not self.leaving:
            self.leaving = True
            for channel in list(self._channels):
                isolated(channel.leave)
            timeout = self._timed.close_timeout
            if self._busy() and timeout is not None:
                self._deadline = self._timed.clock.callLater(timeout, self.give_up)
        return self._waiters.wait() if self._busy() else succeed(None)

    def is_answering(self) -> bool:
        """Tell whether any request has no whole response yet."""
        return any(channel.requests for channel in self._busy())

    def give_up(self) -> None:
        """End all connections at once."""
        for channel in self._busy():
            isolated(abort, channel.transport)

    def largest_body(self, target: bytes) -> int | None:
        """Return the bytes of the largest body of a request; None for no limit."""
        return largest_body(self.site.resource, segments_of_target(target))

    def later(self, call: Callable[[], object]) -> IDelayedCall:
        """Call a function when a client has had the time to read the end of a connection."""
        return self._timed.clock.callLater(_LINGER, call)

    def add(self, channel: _Channel) -> None:
        """Count a channel among those that are connected."""
        self._channels.add(channel)
        if self.leaving:
            channel.leave()

    def discard(self, channel: _Channel) -> None:
        """Forget a channel that has ended."""
        self._channels.discard(channel)
        if self.leaving and not self._busy():
            call_off(self._deadline)
            self._deadline = None
            self._waiters.fire(None)

    def _busy(self) -> list[_Channel]:
        """Return the channels that still are the site's."""
        return [channel for channel in self._channels if not channel.upgraded]


class _SilentSite(Site):
    """A site without an access log: twistd's log would have a line for each request."""

    noisy = False

    def log(self, request: HTTPRequest) -> None:
        """Log nothing."""


class _Channel(HTTPChannel):
    """A connection of the site, which ends when the server stops."""

    def __init__(self, mounted: MountedSite) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._mounted = mounted
        # The largest body of the request that is being read; None for no limit.
        self._limit: int | None = None
        self._refusing: IDelayedCall | None = None
        # Ends the present response.
        self._end: Callable[[], object] | None = None

    @property
    def upgraded(self) -> bool:
        """True if a WebSocket has taken the transport."""
        return any(request.code == SWITCHING for request in self.requests)

    def connectionMade(self) -> None:
        """Begin to wait for requests."""
        super().connectionMade()  # type: ignore[no-untyped-call]
        self._mounted.add(self)

    def checkPersistence(self, request: HTTPRequest, version: bytes) -> bool:
        """Return True if other requests may follow a request."""
        if not self._mounted.leaving:
            return bool(super().checkPersistence(request, version))  # type: ignore[no-untyped-call]
        request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        return False

    def leave(self) -> None:
        """End the connection, after the response to the present request if there is one."""
        if self.upgraded:
            return
        if not self.requests or self._refusing is not None:
            self.loseConnection()  # type: ignore[no-untyped-call]
            return
        self.persistent = False
        for request in self.requests:
            if not request.startedWriting:
                request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        if self._end is not None:
            isolated(self._end)

    def when_leaving(self, end: Callable[[], object]) -> None:
        """Call a function when the server stops, to end the present response.

        A response that ends only with the connection would hold up the server otherwise.
        """
        self._end = end
        if self._mounted.leaving:
            end()

    def allHeadersReceived(self) -> None:
        """Judge the length of the body before it is read."""
        # Without the name, the resources judge the bodies when they have come.
        if SITE_CHANNEL.are_in(HTTPChannel):
            if self.requests[-1].requestHeaders.hasHeader(b"Sec-WebSocket-Key"):
                self._limit = SMALL_BODY
            else:
                self._limit = self._mounted.largest_body(cast(Any, self)._path)
            # A body in chunks has no length yet.
            if self._limit is not None and (self.length or 0) > self._limit:
                self._refuse()
                return
        super().allHeadersReceived()  # type: ignore[no-untyped-call]

    def rawDataReceived(self, data: bytes) -> None:
        """Take a part of a body, or of requests that come early."""
        if self._refusing is not None:
            return
        super().rawDataReceived(data)
        if self._limit is not None and cast(Any, self.requests[-1]).content.tell() > self._limit:
            self._refuse()

    def allContentReceived(self) -> None:
        """Answer a request that is complete."""
        self._limit = self._end = None
        super().allContentReceived()  # type: ignore[no-untyped-call]

    def _refuse(self) -> None:
        """Refuse a body that is too large, and read nothing of it any more."""
        self._limit = None
        transport: Any = self.transport
        self._refusing = self._mounted.later(lambda: abort(transport))
        transport.write(_REFUSAL)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Forget the connection."""
        self._limit = None
        call_off(self._refusing)
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        self._mounted.discard(self)


class _Root(Resource):
    """Stands before the root of the site, and gives WebSockets to the factory at their path."""

    def __init__(self, root: Any, find: Find, mounted: MountedSite) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._root = root
        self._find = find
        self._mounted = mounted
        self._resources: dict[WebSocketServerFactory, WebSocketResource] = {}

    def largest_body(self, segments: Sequence[bytes]) -> int | None:
        """Return the bytes of the largest body of a request; None for no limit."""
        return largest_body(self._root, segments)

    def getChildWithDefault(self, path: bytes, request: Request) -> Any:
        """Return the resource for a request, of whose path nothing is taken yet."""
        if site_asks_for_websocket(request):
            factory = self._find(path_of_target(request.uri))
            if factory is not None:
                return self._resource_of(factory)
        put_back(request)
        return self._root

    def _resource_of(self, factory: WebSocketServerFactory) -> Resource:
        if self._mounted.leaving:
            return _Closing()  # type: ignore[no-untyped-call]
        if factory not in self._resources:
            self._resources[factory] = WebSocketResource(factory)
        return self._resources[factory]


def put_back(request: Request) -> None:
    """Undo the step of twisted.web into the path of a request, so that another resource may do it.

    In `getChildWithDefault`, twisted.web has taken a segment off the path already.
    """
    prepath, postpath = cast(Any, request.prepath), cast(Any, request.postpath)
    postpath.insert(0, prepath.pop())


class _Closing(Resource):
    """Refuses requests for a WebSocket, as the server stops."""

    isLeaf = True

    def render(self, request: Request) -> int:
        respond(request, refusal(ServerClosing()))
        return NOT_DONE_YET


def site_asks_for_websocket(request: Request) -> bool:
    """Tell the same as `txws2.wire.http.first_requests.asks_for_websocket`."""
    headers = request.requestHeaders
    return request.method == b"GET" and (
        headers.hasHeader(b"Sec-WebSocket-Key")
        or any(b"websocket" in value.lower() for value in headers.getRawHeaders(b"Upgrade", ()))
    )
