"""`serve`: a server that listens, and how it stops."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from socket import socket
from types import TracebackType
from typing import Any, Protocol, Union, Unpack, cast

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred, succeed
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint, serverFromString
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IListeningPort,
    IStreamServerEndpoint,
)

from txws2.counters import FactoryCounters
from txws2.exceptions import ServerClosing
from txws2.opening import Opening
from txws2.server import (
    Handler,
    ServerOptions,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from txws2.settling import Waiters
from txws2.wire.closing import Close, CloseCode
from txws2.wire.connection import State

__all__ = ["Endpoint", "Server", "cancel_call", "serve", "server_endpoint"]

_BACKLOG = 1024

# An argument of a description, in which a backslash stands before what separates them.
_ARGUMENT = re.compile(r"(?:[^:\\]|\\.)+")


class _Listening(Protocol):
    # What mypy sees in an endpoint when it runs without the plugin for zope.interface.
    def listen(self, protocolFactory: Any) -> Any: ...


# Interfaces of zope can't do `|`.
Endpoint = Union[IStreamServerEndpoint, _Listening, str]  # noqa: UP007
"""Where to listen: an endpoint, or the description of one."""


class Server:
    """A server that is listening.

    `async with` closes it on leaving.

    Args:
        factory: what makes its connections.
        ports: where they come from.
    """

    def __init__(self, factory: WebSocketServerFactory, ports: Sequence[IListeningPort]) -> None:
        self._factory = factory
        self._ports = ports
        self._closing = False
        self._ending = False
        self._closed = False
        # What is left to be done since it was closed: a service that is started again has the
        # factory make others, which are none of its affair.
        self._stopping: list[Deferred[Any]] = []
        self._remaining: list[WebSocketServerProtocol] = []
        self._running: list[Deferred[Any]] = []
        self._waiters: Waiters[None] = Waiters()

    @property
    def connections(self) -> Collection[WebSocketServerProtocol]:
        """The connections that are open."""
        return {
            connection for connection in self._factory.connections if connection.state is State.OPEN
        }

    @property
    def addresses(self) -> tuple[IAddress, ...]:
        """Where it listens."""
        return tuple(port.getHost() for port in self._ports)

    @property
    def sockets(self) -> tuple[socket, ...]:
        """The listening sockets, where there are any."""
        return tuple(port.socket for port in self._ports if hasattr(port, "socket"))

    @property
    def counters(self) -> FactoryCounters:
        """What went over all of its connections."""
        return self._factory.counters

    def is_serving(self) -> bool:
        """Tell whether it takes connections: it does until it is closed."""
        return not self._closing

    def close(
        self,
        close_connections: bool = True,
        code: int = CloseCode.GOING_AWAY,
        reason: str = "",
    ) -> Deferred[None]:
        """Stop listening and close every connection; those still opening get a 503.

        Args:
            close_connections: False to let those that are open go on until they end by
                themselves, for as long as that takes; `close()` then still closes them.
            code: the close code that the open connections get.
            reason: the close reason, at most 123 bytes of UTF-8.

        Returns:
            A Deferred that fires when all connections are closed and their handlers done, or
            close_timeout after they were to be closed: handlers that aren't done by then are
            cancelled.

        Raises:
            ProtocolError: the code may not travel, or the reason is too long.
        """
        Close(code, reason).payload()
        if not self._closing:
            self._closing = True
            self._stop_listening()
            if not close_connections:
                gone = DeferredList([each.wait_closed() for each in self._remaining])
                gone.addCallback(lambda _: self.close())
        if close_connections and not self._ending:
            self._ending = True
            self._close(code, reason)
        return self.wait_closed()

    def give_up(self) -> None:
        """Close, and wait for nobody: in a moment, handlers that aren't done are cancelled.

        Connections that aren't closed by then have been told, and are left to themselves.
        """
        self.close()
        # What they are told leaves first.
        self._factory.clock.callLater(0, self._give_up)

    def wait_closed(self) -> Deferred[None]:
        """Return a Deferred that fires when the server is closed."""
        return succeed(None) if self._closed else self._waiters.wait()

    def _stop_listening(self) -> None:
        self._stopping = [maybeDeferred(port.stopListening) for port in self._ports]
        self._remaining = list(self._factory.connections)
        self._running = list(self._factory.running)
        for connection in self._remaining:
            if connection.state is State.CONNECTING:
                connection.refuse(ServerClosing())

    def _close(self, code: int, reason: str) -> None:
        factory = self._factory
        ending = self._stopping
        for connection in self._remaining:
            ending.append(connection.wait_over())
            if connection.state is not State.CONNECTING:
                connection.start_closing(code, reason)
        for running in self._running:
            done: Deferred[None] = Deferred()
            running.addBoth(_pass_on, done)
            ending.append(done)
        # Each connection has its own close_timeout; this one is for the handlers.
        ended = DeferredList(ending)
        if factory.close_timeout is not None:
            deadline = factory.clock.callLater(factory.close_timeout, self._give_up)
            ended.addBoth(cancel_call, deadline)
        ended.addBoth(lambda _: self._end())

    def _give_up(self) -> None:
        if self._closed:
            return
        self._factory.stopping = True
        for running in self._running:
            running.cancel()
        for connection in self._remaining:
            connection.cancel_hooks()
        self._end()

    def _end(self) -> None:
        if not self._closed:
            self._closed = True
            self._remaining, self._running = [], []
            self._waiters.fire(None)

    async def __aenter__(self) -> Server:
        """Return the server."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it, and wait until it is closed."""
        await self.close()


def cancel_call(result: Any, deadline: IDelayedCall) -> Any:
    """Let a deadline be that was met; return the result."""
    if deadline.active():
        deadline.cancel()
    return result


def _pass_on(result: Any, done: Deferred[None]) -> Any:
    done.callback(None)
    return result


def serve(
    handler: Handler | None,
    host: str | None = None,
    port: int | None = None,
    *,
    endpoint: Endpoint | None = None,
    reactor: Any = None,
    **options: Unpack[ServerOptions],
) -> Opening[Server]:
    """Listen for WebSocket connections.

    Args:
        handler: called with each connection, usually a coroutine function; see
            `WebSocketServerFactory`. None if `create_protocol` makes one that does the work.
        host: the address, or the name, of the interface to listen on; None or "" for all IPv4
            interfaces, "::" for all of both families.
        port: the TCP port; 0 for any that is free.
        endpoint: instead of host and port, where to listen: an endpoint, or its description, as
            "ssl:443:privateKey=key.pem:certKey=cert.pem" or "unix:/run/chat.sock".
        reactor: the reactor to run on; None for the global one.
        **options: those of `WebSocketServerFactory` and `ConnectionFactory`.

    Returns:
        A Deferred of a `Server`, also an asynchronous context manager. It fails as the endpoint
        does: with CannotListenError if the port is taken.

    Raises:
        TypeError: there are both an endpoint and a port, or neither.
        ValueError: the description isn't one of an endpoint, or an option is out of range.
    """
    if (endpoint is None) == (port is None):
        raise TypeError("serve() needs a host and a port, or endpoint=: one of the two")
    factory = WebSocketServerFactory(handler, reactor=reactor, **options)
    if endpoint is None:
        kind = TCP6ServerEndpoint if isIPv6Address(host or "") else TCP4ServerEndpoint
        endpoint = kind(factory.reactor, port, _BACKLOG, host or "")
    listening = server_endpoint(factory.reactor, endpoint).listen(factory)
    return Opening.of(listening.addCallback(lambda port: Server(factory, [port])))


def server_endpoint(reactor: Any, endpoint: Endpoint) -> IStreamServerEndpoint:
    """Return the endpoint that is described, or that was given.

    Unless the description says how many connections may wait to be accepted, 1024 may, instead
    of the 50 that are Twisted's default.

    Raises:
        ValueError: the description isn't one of an endpoint.
    """
    if not isinstance(endpoint, str):
        return cast(IStreamServerEndpoint, endpoint)
    kind, *arguments = _ARGUMENT.findall(endpoint) or [""]
    # One without a name may be the backlog, too.
    told = any(re.match("backlog=|[^=]*$", argument) for argument in arguments[1:])
    if kind in ("tcp", "tcp6", "ssl", "unix") and not told:
        endpoint += f":backlog={_BACKLOG}"
    described: IStreamServerEndpoint = serverFromString(reactor, endpoint)
    return described
