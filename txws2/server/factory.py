"""The factory of a server's connections, and its options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack
from weakref import WeakSet

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocolNegotiationFactory
from twisted.logger import Logger
from typing_extensions import TypeVar
from zope.interface import implementer

from txws2._checks.options import check_options
from txws2._connection.factory import ConnectionFactory, ConnectionOptions
from txws2._connection.handle import driver_of
from txws2._connection.journal import RareWarnings
from txws2._connection.protocol_class import (
    check_class_attribute,
    check_create_protocol,
    check_decisions,
    made_wrongly,
)
from txws2.server.admission import Admission
from txws2.server.handlers import check_handler
from txws2.server.hooks import (
    Hooks,
    ProcessRequest,
    ProcessResponse,
    SelectSubprotocol,
    gather_hooks,
)
from txws2.server.protocol import WebSocketServerProtocol
from txws2.server.reactor_stop import ReactorStop
from txws2.server.shutdown import Stopping
from txws2.wire.handshake.origins import Origins, check_origin, check_origins
from txws2.wire.handshake.rules import check_subprotocols
from txws2.wire.handshake.server import check_request
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.hosts import Hosts, check_host

__all__ = [
    "FactoryOptions",
    "Handler",
    "ServerOptions",
    "WebSocketServerFactory",
    "WebSocketServerProtocol",
]

S = TypeVar("S", bound=WebSocketServerProtocol, default=WebSocketServerProtocol)

Handler = Callable[[Any], object]
"""A function that is called with each connection. It may return a coroutine or a Deferred."""


class FactoryOptions(ConnectionOptions, total=False):
    """The options of a server, with or without a handler."""

    subprotocols: Sequence[str]
    select_subprotocol: SelectSubprotocol | None
    origins: Origins | None
    hosts: Sequence[str] | None
    process_request: ProcessRequest | Sequence[ProcessRequest] | None
    process_response: ProcessResponse | None
    max_connections: int | None
    max_connections_per_host: int | None
    trusted_proxies: Sequence[str]


class ServerOptions(FactoryOptions, total=False):
    """The options of `serve` that it passes to the factory."""

    create_protocol: Callable[[], WebSocketServerProtocol]


@implementer(IProtocolNegotiationFactory)
class WebSocketServerFactory(ConnectionFactory[WebSocketServerProtocol]):
    """Makes the server's end of each connection that an endpoint accepts.

    Three options are hooks, which are called while a connection opens: process_request,
    select_subprotocol and process_response. Each may be a coroutine function, or return a
    Deferred, which is cancelled when the client leaves or open_timeout is over. If a hook raises,
    the client gets a 500, and the exception is logged.

    Args:
        handler: called with each connection once it is open, in pull style. The connection is
            closed with 1000 when it returns, or when its coroutine or Deferred is done. When it
            raises, the connection is closed with 1011, and the exception is logged. None if the
            protocol does the work.
        create_protocol: makes the protocol: a subclass, or a functools.partial of one.
        subprotocols: the subprotocols that the server speaks, best first.
        select_subprotocol: a hook that takes the place of subprotocols. It is called with a
            connection and the list of the subprotocols that the client offers. It returns one of
            these, or None for none. It may raise NegotiationError, to refuse the request. If
            there are neither this hook nor subprotocols, and the handler is an object with a
            method select_subprotocol, that is the hook.
        origins: the values of Origin to accept, as "https://example.com", or compiled regular
            expressions that match a whole value. None in the list accepts programs, which send
            no Origin; SAME_ORIGIN accepts the pages of the host that the client connects to. By
            default all are accepted: then any page that somebody visits can connect as that
            person, with their cookies. Values are compared, and patterns are matched, as
            browsers spell them: in lower case, without the scheme's default port, in ASCII.
        hosts: the hosts to answer for, on any port: names, addresses and networks, as
            "example.com", "::1" and "127.0.0.0/8". A request with another Host is refused with
            421. By default the server answers for every host. Then an attacker can make the host
            name of a page resolve to this server (DNS rebinding), and `SAME_ORIGIN` accepts the
            page.
        process_request: called with a connection and its request before the request is judged.
            It may refuse the request or answer it otherwise: it returns a `Response`, as
            `connection.respond` makes them. If it returns None, the handshake goes on. In a
            sequence of hooks, each is called when those before it have returned None. If the
            handler is an object with a method process_request, that is called last.
        process_response: called with a connection, its request, and the response to it, which
            accepts or refuses. It may add headers to the response, or return another one. It
            isn't called for responses that can't wait, such as 408 and the refusals over a limit,
            nor for the answer to bytes that are no request.
        max_connections: the largest number of connections at once; more are refused with 503. By
            default only the system's limit on open files applies: then clients decide how much
            memory the connections take.
        max_connections_per_host: the same for one host, by its IPv4 address or its /64 of IPv6;
            more are refused with 429. By default, one host may have all connections. Many people
            can share an address, and clients of a Unix socket have no address and aren't counted.
        trusted_proxies: networks, as "10.0.0.0/8", addresses, or "unix" for Unix sockets, whose
            X-Forwarded-For, X-Forwarded-Proto and Forwarded headers are believed; none by
            default. Other senders can write anything there, so name only proxies of yours.
        reactor: the reactor to run on; None for the global one.
        **options: the options of `ConnectionFactory`.

    Raises:
        TypeError: a handler or a hook doesn't take its arguments, or is a generator function;
            create_protocol can't make such protocols, or makes one that has the hooks of another
            library; there are both subprotocols and select_subprotocol; there is no such option,
            or one is of the wrong kind.
        ValueError: an option is out of range.

    Attributes:
        running: the Deferreds of the handlers that aren't done.
        hooks: the hooks of the application; None if it has none.
        admission: refuses connections over the limits, and finds clients behind trusted proxies;
            None if there are neither limits nor trusted proxies.
        stopping: True while handlers may be cancelled.
    """

    # Returns the page for a request that isn't for a WebSocket, whose transport it gets, too; None
    # if there is no page for it.
    _pages: Callable[[Request, Any], Response | None] | None = None

    def __init__(
        self,
        handler: Callable[[S], object] | None = None,
        *,
        create_protocol: Callable[[], S] = WebSocketServerProtocol,  # type: ignore[assignment]
        subprotocols: Sequence[str] = (),
        select_subprotocol: SelectSubprotocol | None = None,
        origins: Origins | None = None,
        hosts: Sequence[str] | None = None,
        process_request: ProcessRequest | Sequence[ProcessRequest] | None = None,
        process_response: ProcessResponse | None = None,
        max_connections: int | None = None,
        max_connections_per_host: int | None = None,
        trusted_proxies: Sequence[str] = (),
        reactor: Any = None,
        **options: Unpack[ConnectionOptions],
    ) -> None:
        check_options(type(self), options, ConnectionOptions.__optional_keys__)
        super().__init__(reactor=reactor, **options)
        self.log = Logger(namespace="txws2.server")
        # This warns of connections that fail, if an option may be the cause.
        self._warnings = RareWarnings(self.log, self.clock)
        _check_subprotocols(subprotocols, select_subprotocol)
        if handler is not None:
            check_handler(handler)
        check_class_attribute(self, create_protocol, WebSocketServerProtocol)
        check_create_protocol(create_protocol, WebSocketServerProtocol, pushes=handler is None)
        check_decisions(
            create_protocol,
            origins=origins,
            process_request=process_request,
            select_subprotocol=select_subprotocol,
        )
        if origins is not None:
            check_origins(origins)
        self.handler: Handler | None = handler
        self.create_protocol = create_protocol
        self.subprotocols = subprotocols
        self.origins = origins
        self.hosts = None if hosts is None else Hosts(hosts)
        self.hooks: Hooks | None = gather_hooks(
            handler, process_request, select_subprotocol, process_response, subprotocols
        )
        self.admission = _admission(max_connections, max_connections_per_host, trusted_proxies)
        self._prepare_stopping()

    def _prepare_stopping(self) -> None:
        """Make the records of all that must end before the server has stopped."""
        self.running: set[Deferred[Any]] = set()
        self.stopping = False
        # True once the reactor stops; then requests are refused with 503.
        self._shutting_down = False
        # Each `Stopping` that has begun and isn't over.
        self._stops: list[Stopping] = []
        # The servers of these connections, until they are closed. The references are weak, because
        # a script (.rpy) makes a server for each request, and forgets it.
        self._servers: WeakSet[Any] = WeakSet()
        # The servers that listen. This set keeps them in memory. Somebody may wait for the end of
        # a server to which nothing else refers.
        self._listening: set[Any] = set()
        self._reactor_stop = ReactorStop(self)

    def acceptableProtocols(self) -> list[bytes]:
        """Return the protocols to accept by ALPN (RFC 7301), which browsers offer.

        Twisted fails the TLS handshake with a client that offers none of the factory's protocols.
        """
        return [b"http/1.1"]

    def buildProtocol(  # type: ignore[override]
        self, addr: IAddress | None
    ) -> WebSocketServerProtocol:
        """Make the protocol for a connection."""
        protocol = self.create_protocol()
        if not isinstance(protocol, WebSocketServerProtocol) or type(protocol).__hash__ is None:
            raise made_wrongly(protocol, WebSocketServerProtocol)
        driver_of(protocol).factory = self
        return protocol

    def doStart(self) -> None:
        """Called by Twisted when a port has begun to listen."""
        super().doStart()  # type: ignore[no-untyped-call]
        self._reactor_stop.watch()

    def doStop(self) -> None:
        """Called by Twisted when a port has stopped listening."""
        super().doStop()  # type: ignore[no-untyped-call]
        self._reactor_stop.rest()

    def _begin(self) -> None:
        self._reactor_stop.watch()

    def _judge(self, request: Request) -> None:
        """Make sure that a request may open a connection, whatever is negotiated then.

        Raises:
            InvalidHandshake: the request may not open a connection.
        """
        check_request(request)
        if self.hosts is not None:
            check_host(request, self.hosts)
        if self.origins is not None:
            check_origin(request, self.origins)

    def peer_failed(self, driver: Any, cause: Exception) -> None:
        """Warn if an option may be the cause, and no handler gets the exception."""
        if self.handler is None or driver.pushes:
            self._warnings.failed(driver, cause)

    def _rest(self) -> None:
        super()._rest()
        self._reactor_stop.rest()


def _check_subprotocols(
    subprotocols: Sequence[str], select_subprotocol: SelectSubprotocol | None
) -> None:
    check_subprotocols(subprotocols)
    if subprotocols and select_subprotocol is not None:
        raise TypeError("there are both subprotocols and select_subprotocol: give one of them")


def _admission(
    max_connections: int | None,
    max_connections_per_host: int | None,
    trusted_proxies: Sequence[str],
) -> Admission | None:
    """Return an Admission; None if there are neither limits nor trusted proxies."""
    if max_connections is None and max_connections_per_host is None and not trusted_proxies:
        return None
    return Admission(max_connections, max_connections_per_host, trusted_proxies)
