"""`serve` and `Server`: a server that listens, and stops."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import partial
from socket import AF_UNIX, socket
from types import TracebackType
from typing import Any, Protocol, Union, Unpack, cast

from twisted.internet.defer import CancelledError, Deferred, fail, maybeDeferred
from twisted.internet.endpoints import AdoptedStreamServerEndpoint, serverFromString
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from typing_extensions import TypeVar

from txws2._checks.options import check_options, shortened
from txws2._checks.threads import check_reactor_thread
from txws2._checks.unawaited import SERVE, expect_reactor
from txws2._connection.closeable import Opening
from txws2._connection.counters import FactoryCounters
from txws2._connection.parts import state_of
from txws2._deferreds.eventual import Eventual
from txws2.exceptions import ConcurrencyError
from txws2.server.adopted_sockets import AdoptedUNIXEndpoint
from txws2.server.factory import (
    FactoryOptions,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from txws2.server.listeners import check_place, listen, uri_of
from txws2.server.shutdown import Phase, Stopping
from txws2.wire.closing import Close, CloseCode
from txws2.wire.connection import State

__all__ = ["Endpoint", "Server", "listen_at", "serve", "server_endpoint"]

S = TypeVar("S", bound=WebSocketServerProtocol, default=WebSocketServerProtocol)

_BACKLOG = 1024

# An argument of an endpoint's description; a backslash escapes the colon that separates arguments.
_ARGUMENT = re.compile(r"(?:[^:\\]|\\.)+")


class _Listening(Protocol):
    # An endpoint, for mypy without the plugin for zope.interface.
    def listen(self, protocolFactory: Any) -> Any: ...


# Interfaces of zope don't support `|`.
Endpoint = Union[IStreamServerEndpoint, _Listening, str]  # noqa: UP007
"""An endpoint to listen at, or its description."""


class Server:
    """A server that is listening.

    `async with` closes the server at the end of the block.

    Args:
        factory: makes the connections.
        ports: the listening ports.
    """

    def __init__(self, factory: WebSocketServerFactory, ports: Sequence[IListeningPort]) -> None:
        self._factory = factory
        self._ports = ports
        self._stopping = Stopping(factory)
        factory._servers.add(self)
        if ports:
            factory._listening.add(self)

    @property
    def connections(self) -> Collection[WebSocketServerProtocol]:
        """The connections that are open."""
        return {
            connection
            for connection in self._factory.connections
            if state_of(connection) is State.OPEN
        }

    @property
    def addresses(self) -> tuple[IAddress, ...]:
        """The addresses at which the server listens."""
        return tuple(port.getHost() for port in self._ports)

    @property
    def sockets(self) -> tuple[socket, ...]:
        """The listening sockets of the ports that have one."""
        return tuple(port.socket for port in self._ports if hasattr(port, "socket"))

    @property
    def counters(self) -> FactoryCounters:
        """The counters of all connections of the factory."""
        return self._factory.counters

    def is_serving(self) -> bool:
        """Return True until `close` is called: the server accepts connections."""
        return self._stopping.phase is Phase.SERVING

    def close(
        self,
        close_connections: bool = True,
        code: int = CloseCode.GOING_AWAY,
        reason: str = "",
    ) -> Deferred[None]:
        """Stop listening and close every connection; those still opening get a 503.

        A handler may wait for this Deferred. For a handler, it fires when all connections are
        closed, and all handlers that don't wait for it are done.

        Args:
            close_connections: False to let the open connections go on until they end by themselves,
                for as long as that takes; a later `close()` still closes them.
            code: the close code that the open connections get.
            reason: the close reason, at most 123 bytes of UTF-8.

        Returns:
            A Deferred that fires when all connections are closed and their handlers are done, or
            close_timeout after the closing began: connections that aren't closed by then are
            aborted, and handlers that aren't done are cancelled.

        Raises:
            ProtocolError: the code may not be sent, or the reason is too long.
            ConcurrencyError: this isn't the reactor's thread.
        """
        check_reactor_thread(self._factory.reactor, "server.close")
        Close(code, reason).payload()
        stopping = self._stopping
        ports: list[Deferred[Any]] = []
        if self.is_serving():
            self._factory._servers.discard(self)
            self._factory._listening.discard(self)
            ports = [maybeDeferred(port.stopListening) for port in self._ports]
        if close_connections:
            stopping.end(code, reason, ports)
        elif self.is_serving():
            stopping.drain(ports)
        return stopping.wait()

    def give_up(self) -> None:
        """Close without waiting: handlers that aren't done are cancelled in the next turn.

        Connections that aren't closed by then have been sent a close frame, and are left alone.
        """
        self.close()
        # The close frames leave first.
        self._factory.clock.callLater(0, self._stopping.give_up)

    def wait_closed(self) -> Deferred[None]:
        """Return a Deferred that fires when the server is closed; handlers may wait for it."""
        return self._stopping.wait()

    def serve_forever(self) -> Deferred[None]:
        """Return a Deferred that fires when the server is closed; cancelling it closes the server.

        The server is closed when the reactor stops, as on SIGINT.
        """

        def cancelled(deferred: Deferred[None]) -> None:
            deferred.errback(CancelledError())
            self.close()

        def closed(_: None) -> None:
            if not forever.called:
                forever.callback(None)

        forever: Deferred[None] = Eventual(cancelled)
        self.wait_closed().addCallback(closed)
        return forever

    async def __aenter__(self) -> Server:
        """Return the server."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the server, and wait until it is closed."""
        await self.close()


def serve(
    handler: Callable[[S], object] | None,
    host: str | None = None,
    port: int | None = None,
    *,
    endpoint: Endpoint | None = None,
    create_protocol: Callable[[], S] = WebSocketServerProtocol,  # type: ignore[assignment]
    reactor: Any = None,
    **options: Unpack[FactoryOptions],
) -> Opening[Server]:
    """Listen for WebSocket connections.

    Args:
        handler: called with each connection, usually a coroutine function; see
            `WebSocketServerFactory`. None if the protocol that `create_protocol` makes does the
            work.
        host: the address to listen at, or a name, for all its addresses. "localhost" is always
            127.0.0.1 and ::1, except for a family that this machine lacks. None or "" for all
            addresses of IPv4, "::" for those of both families.
        port: the TCP port; 0 for any that is free, the same at each address.
        endpoint: instead of host and port, an endpoint, or its description, such as
            "ssl:443:privateKey=key.pem:certKey=cert.pem" or "unix:/run/chat.sock".
        create_protocol: makes the protocol of each connection: a subclass, or a functools.partial
            of one.
        reactor: the reactor to run on; None for the global one.
        **options: the options of `WebSocketServerFactory` and `ConnectionFactory`.

    Returns:
        A Deferred of a `Server`, also an asynchronous context manager. It fails as the endpoint
        does: with CannotListenError if the port is taken, even at one address of several; and
        with DNSLookupError if the host has no address. It fails with ValueError if the
        description isn't an endpoint's, or an option is out of range.

    Raises:
        TypeError: there are both an endpoint and a host or a port, or none of them; the handler or
            an option is of the wrong kind; or an option doesn't exist.
        ConcurrencyError: this isn't the reactor's thread.
    """
    try:
        check_options(serve, options, FactoryOptions.__optional_keys__)
        check_place("serve", host, port, endpoint)
        factory = WebSocketServerFactory(
            handler, create_protocol=create_protocol, reactor=reactor, **options
        )
        check_reactor_thread(factory.reactor, "txws2.serve, handler, host, port")
        ports = listen_at(factory.reactor, factory, host, port, endpoint, factory.log)
        listening = ports.addCallback(partial(Server, factory))
    except ConcurrencyError:
        raise
    except TypeError as exc:
        raise shortened(exc)  # noqa: B904
    except Exception as exc:
        return Opening.of(fail(exc))

    def waits() -> bool:
        return not listening.called or (factory.numPorts > 0 and not factory._stops)

    expect_reactor(reactor, waits, SERVE)
    return Opening.of(listening)


def listen_at(
    reactor: Any,
    factory: IProtocolFactory,
    host: str | None,
    port: int | None,
    endpoint: Endpoint | None,
    log: Logger,
    *,
    site: bool = False,
    with_paths: Callable[[str], str] = str,
) -> Deferred[list[IListeningPort]]:
    """Listen at a host and a port, or at an endpoint, and log the addresses.

    Args:
        reactor: the reactor to run on.
        factory: makes the protocols.
        host: as for `serve`.
        port: as for `serve`.
        endpoint: as for `serve`.
        log: the log.
        site: True for a site, whose URI begins with "http" in the log.
        with_paths: adds the paths of the WebSockets to the URI in the log, unless there is a site.

    Raises:
        ValueError: the description isn't an endpoint's.
    """
    if endpoint is None:
        assert port is not None
        at_host = listen(reactor, host or "", port, _BACKLOG, factory)
        listening = Deferred.fromCoroutine(at_host)
    else:
        there = server_endpoint(reactor, endpoint).listen(factory)
        listening = there.addCallback(lambda port: [port])
    secure = isinstance(endpoint, str) and endpoint.startswith("ssl:")

    def say(ports: list[IListeningPort]) -> list[IListeningPort]:
        for each in ports:
            address = each.getHost()
            uri = uri_of(address, secure, site)
            if uri is not None and not site:
                uri = with_paths(uri)
            log.info("listening on {address}", address=uri or str(address))
        return ports

    return listening.addCallback(say)


def server_endpoint(reactor: Any, endpoint: Endpoint) -> IStreamServerEndpoint:
    """Return the endpoint of a description, or the endpoint itself.

    If the description has no backlog, the backlog is 1024, and not Twisted's default of 50.

    Raises:
        ValueError: the description isn't an endpoint's.
    """
    if not isinstance(endpoint, str):
        return cast(IStreamServerEndpoint, endpoint)
    kind, *arguments = _ARGUMENT.findall(endpoint) or [""]
    # An argument without a name may be the backlog, too.
    has_backlog = any(re.match("backlog=|[^=]*$", argument) for argument in arguments[1:])
    if kind in ("tcp", "tcp6", "ssl", "unix") and not has_backlog:
        endpoint += f":backlog={_BACKLOG}"
    described: Any = serverFromString(reactor, endpoint)
    if isinstance(described, AdoptedStreamServerEndpoint) and described.addressFamily == AF_UNIX:
        described = AdoptedUNIXEndpoint(reactor, described.fileno)
    return cast(IStreamServerEndpoint, described)
