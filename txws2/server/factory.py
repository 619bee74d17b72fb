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
from txws2.wire.handshake.origins import Origins, check_origins
from txws2.wire.handshake.rules import check_subprotocols
from txws2.wire.http.hosts import Hosts

__all__ = [
    "FactoryOptions",
    "Handler",
    "ServerOptions",
    "WebSocketServerFactory",
    "WebSocketServerProtocol",
]

S = TypeVar("S", bound=WebSocketServerProtocol, default=WebSocketServerProtocol)

Handler = Callable[[Any], object]
"""Called with each connection: a coroutine function, or one that may return a Deferred."""


class FactoryOptions(ConnectionOptions, total=False):
    """The options of a server, whatever handles its connections."""

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
    """The options of `serve` that are the factory's."""

    create_protocol: Callable[[], WebSocketServerProtocol]


@implementer(IProtocolNegotiationFactory)
class WebSocketServerFactory(ConnectionFactory[WebSocketServerProtocol]):
    """Makes the server's end of each connection that an endpoint accepts.

    Three of the options are hooks, which are called while a connection opens: process_request,
    select_subprotocol and process_response. Each may be a coroutine function, or return a
    Deferred; that is cancelled when the client leaves or open_timeout is over. If one raises, the
    client gets a 500, and the log has why.

    Args:
        handler: called with each connection once it is open, in pull style. The connection is
            closed with 1000 when it returns, or when its coroutine or Deferred is done; with
            1011, and an event in the log, when it raises. None if the protocol does the work.
        create_protocol: makes the protocol: a subclass, or a functools.partial of one.
        subprotocols: those that the server speaks, best first.
        select_subprotocol: instead, called with a connection and the list of the subprotocols
            that the client offers; returns one of these, or None for none. It may raise
            NegotiationError, to refuse the request.
        origins: the values of Origin to accept, as "https://example.com", or compiled regular
            expressions that match all of them; None among them accepts programs, which send
            none, and SAME_ORIGIN the pages of the host that is connected to. By default all are
            accepted: then any page that somebody visits can connect as that person, with their
            cookies. They are compared as browsers spell them: in lower case, without a port that
            goes without saying, and in ASCII; patterns see that spelling, too.
        hosts: the hosts to answer for, whatever the port: names, addresses and networks, as
            "example.com", "::1" and "127.0.0.0/8". A request whose Host is another is refused with
            421. By default all are answered for: then a page can have its own name lead to this
            server (DNS rebinding), which to `SAME_ORIGIN` is the page's own host.
        process_request: called with a connection and its request before that is judged, to
            refuse it or to answer it otherwise: with a `Response`, as `connection.respond` makes
            them. If it returns None, the handshake goes on. Of several in a sequence, each is
            called when those before have returned None; last, the handler's own, if the handler
            is an object with a method process_request.
        process_response: called with a connection, its request, and the answer to that, whether
            it accepts or refuses; to add headers to it, or to return another. It isn't asked
            what can't wait, as 408 and those of the limits, nor when what came is no request.
        max_connections: how many connections there may be at once; more are refused with 503.
            By default there is no limit but that of the system on open files: what a connection
            costs, and how many there are, is then for the clients to say.
        max_connections_per_host: likewise of one host, by its IPv4 address or its /64 of IPv6;
            more are refused with 429. By default, one host may have them all. Many people can
            share an address, and those who come through a Unix socket have none to count.
        trusted_proxies: networks, as "10.0.0.0/8", addresses, or "unix" for Unix sockets, whose
            X-Forwarded-For, X-Forwarded-Proto and Forwarded headers are believed. None of them
            by default. Others can write what they like there, so name only proxies of yours.
        reactor: the reactor to run on; None for the global one.
        **options: those of `ConnectionFactory`.

    Raises:
        TypeError: a handler or a hook can't be called with what it is called with, or is a
            generator function; create_protocol can't make such protocols, or one that has the
            hooks of another library; there are both subprotocols and select_subprotocol; there
            is no such option, or one is of the wrong kind.
        ValueError: an option is out of range.

    Attributes:
        running: the Deferreds of the handlers that aren't done.
        hooks: what the application wants to decide on; None for nothing.
        admission: what refuses connections that are too many; None if none are.
        stopping: whether handlers may be cancelled.
    """

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
        # Tells of clients for whose failure the options may be to blame.
        self._warnings = RareWarnings(self.log, self.clock)
        check_subprotocols(subprotocols)
        if subprotocols and select_subprotocol is not None:
            raise TypeError("there are both subprotocols and select_subprotocol: give one of them")
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
            handler, process_request, select_subprotocol, process_response
        )
        self.admission: Admission | None = None
        if max_connections is not None or max_connections_per_host is not None or trusted_proxies:
            self.admission = Admission(max_connections, max_connections_per_host, trusted_proxies)
        self.running: set[Deferred[Any]] = set()
        self.stopping = False
        # Whether the reactor stops, so that requests are refused with 503.
        self._shutting_down = False
        # The ends of its connections that have begun, and aren't over.
        self._stops: list[Stopping] = []
        # Whose connections it makes, until they are closed. A script makes one for each request,
        # and forgets it.
        self._servers: WeakSet[Any] = WeakSet()
        # Those that listen: whoever awaits the end of one may be known to nothing else.
        self._listening: set[Any] = set()
        self._reactor_stop = ReactorStop(self)

    def acceptableProtocols(self) -> list[bytes]:
        """Return what to agree to by ALPN (RFC 7301), which browsers offer.

        To a client that offers what no factory knows, Twisted fails the TLS handshake.
        """
        return [b"http/1.1"]

    def buildProtocol(  # type: ignore[override]
        self, addr: IAddress | None
    ) -> WebSocketServerProtocol:
        """Make the protocol for a connection."""
        protocol = self.create_protocol()
        if not isinstance(protocol, WebSocketServerProtocol):
            raise made_wrongly(protocol, WebSocketServerProtocol)
        protocol.factory = self
        return protocol

    def doStart(self) -> None:
        """Take it that a port listens, for Twisted."""
        super().doStart()  # type: ignore[no-untyped-call]
        self._reactor_stop.watch()

    def doStop(self) -> None:
        """Take it that a port doesn't listen any more, for Twisted."""
        super().doStop()  # type: ignore[no-untyped-call]
        self._reactor_stop.rest()

    def _begin(self) -> None:
        self._reactor_stop.watch()

    def peer_failed(self, connection: WebSocketServerProtocol, cause: Exception) -> None:
        """Warn of it, if the options may be to blame, and no handler is told."""
        if self.handler is None or connection._pushes:
            self._warnings.failed(connection, cause)

    def leave(self, connection: WebSocketServerProtocol) -> float:
        """Count a connection no more, neither among the connected nor for its limits."""
        if self.admission is not None:
            self.admission.leave(connection)
        lasted = super().leave(connection)
        if not self._connections:
            self._reactor_stop.rest()
        return lasted
