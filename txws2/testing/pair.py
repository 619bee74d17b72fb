"""`Joined`: both ends of a connection in memory, and a clock."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Generic, Unpack, cast
from weakref import WeakKeyDictionary

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from typing_extensions import TypeVar
from zope.interface import implementer

from txws2._checks.options import check_options
from txws2._connection.parts import state_of
from txws2._connection.protocol import WebSocketProtocol
from txws2.client.protocol import RequestOptions, WebSocketClientFactory, WebSocketClientProtocol
from txws2.server.factory import (
    FactoryOptions,
    Handler,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from txws2.testing.failures import Failures
from txws2.testing.pump import pass_time, result_of
from txws2.testing.recorder import RecordingTransport
from txws2.wire.connection import State
from txws2.wire.handshake.client import build_request
from txws2.wire.handshake.extra_fields import HeadersLike
from txws2.wire.handshake.server import acceptance
from txws2.wire.http.readers import RequestReader
from txws2.wire.http.uris import parse_uri

__all__ = ["Joined", "Silent", "joined", "opened"]

_URI = "ws://example.com/"
# So many bytes of a message are enough to recognize it.
_SHOWN = 60

T = TypeVar("T")
S = TypeVar("S", bound=Protocol, default=WebSocketServerProtocol)
C = TypeVar("C", bound=Protocol, default=WebSocketClientProtocol)
WS = TypeVar("WS", bound=WebSocketServerProtocol, default=WebSocketServerProtocol)
WC = TypeVar("WC", bound=WebSocketClientProtocol, default=WebSocketClientProtocol)


class JoinedOptions(FactoryOptions, total=False):
    """The options of both sides; an option that both have applies to both."""

    origin: str | None
    additional_headers: HeadersLike
    user_agent_header: str | None


_CLIENTS_ONLY = {"additional_headers", "origin", "user_agent_header"}
_SERVERS_ONLY = set(FactoryOptions.__annotations__) - set(RequestOptions.__annotations__)


# Those that are in a `with` block now, in their order.
_entered: WeakKeyDictionary[Joined[Any, Any], None] = WeakKeyDictionary()


class Joined(Generic[S, C]):
    """A server's and a client's protocol, connected to each other in memory.

    `joined` makes a Joined from a handler. As a context manager, it reports what the test has
    overlooked: it raises an exception that a handler has raised, or an AssertionError if there
    are bytes that the test forgot to `pump`. If the test itself raises, these are added to that
    exception as notes. Then it closes the connection.

    Args:
        server: the server's protocol.
        client: the client's protocol.
        clock: the Clock that both have as their reactor.

    Attributes:
        server: the server's protocol.
        client: the client's protocol.
        clock: the clock.
        server_transport: the transport of the server, a `RecordingTransport`.
        client_transport: the transport of the client, another one.

    Raises:
        ValueError: the factory of a protocol has another clock.
    """

    def __init__(self, server: S, client: C, clock: Clock) -> None:
        for protocol in (server, client):
            if isinstance(protocol, WebSocketProtocol):
                _check_clock(protocol.factory.clock, clock)
        self.server, self.client, self.clock = server, client, clock
        self._failures = Failures(server, client)
        self.server_transport, self.client_transport = _connect(server, client)

    @property
    def transports(self) -> tuple[RecordingTransport, RecordingTransport]:
        """The transports of the server and of the client."""
        return self.server_transport, self.client_transport

    def pump(self) -> None:
        """Move bytes in both directions until nothing moves.

        Raises:
            AssertionError: the two ends answer each other without end.
        """
        self.server_transport.pump()

    def advance(self, seconds: float) -> None:
        """Let time pass; pump before that, at each second, and after each timer."""
        pass_time(self.clock, seconds, self.clock.advance, self.pump)

    def result_of(self, awaited: Deferred[T] | Coroutine[Any, Any, T]) -> T:
        """Pump, and return the result.

        Args:
            awaited: a Deferred, or a coroutine, which is started; it may talk to either end.

        Raises:
            Exception: the exception that the Deferred or the coroutine failed with.
            AssertionError: there is no result, although nothing moves any more.
        """
        try:
            return result_of(awaited, self.pump)
        except BaseException as exc:
            self._failures.explain(exc)
            raise

    def take_failures(self) -> list[BaseException]:
        """Return the exceptions of handlers and hooks since the last call, as expected ones.

        They were logged, too, so with trial `flushLoggedErrors` must take them as well.
        """
        return [cast(BaseException, failure.value) for failure in self._failures.take()]

    def drop(self, reason: Exception | None = None) -> None:
        """Break the connection at both ends, without a close frame."""
        for end in self.transports:
            end.end(reason or ConnectionLost())
        self.pump()

    def vanish(self) -> None:
        """Cut the cable: from now on nothing arrives, not even the end of the connection."""
        for end in self.transports:
            end.frozen = True

    def __enter__(self) -> Joined[S, C]:
        """Return this object."""
        _entered[self] = None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Report what the test has overlooked, and close the connection."""
        forgotten = self._forgotten()
        if exception is not None:
            self._failures.explain(exception)
            if forgotten:
                exception.add_note(forgotten)
        _entered.pop(self, None)
        overlooked = {other for other in _busy() if other._forgotten()}
        self._close()
        # A handler may tell the others that this connection has ended, which no test can pump.
        for other in _busy():
            if other not in overlooked:
                other.pump()
        failures = self.take_failures()
        if exception is None:
            if failures:
                raise failures[0]
            if forgotten:
                raise AssertionError(forgotten)

    def _forgotten(self) -> str:
        return "; ".join(
            f"{end.waiting} bytes that the {side}{_place(end.protocol)}{self._number()} has "
            f"written were never moved{_beginning(end)}: pump() is missing"
            for side, end in (("server", self.server_transport), ("client", self.client_transport))
            if end.waiting
        )

    def _number(self) -> str:
        """Return the number of this connection, if there are others at its path."""
        place = _place(self.client)
        there = [each for each in _entered if _place(each.client) == place]
        if len(there) < 2 or self not in there:
            return ""
        return f" (number {there.index(self) + 1} of {len(there)} connections)"

    def _close(self) -> None:
        for protocol in (self.client, self.server):
            if isinstance(protocol, WebSocketProtocol):
                WebSocketProtocol.close(protocol)
                break
        self.pump()
        if self.server_transport.connected or self.client_transport.connected:
            # The close frames couldn't get through. The test ignores how handlers react to that.
            failures = self._failures.take()
            self.drop()
            self._failures.found[:] = failures


@implementer(IHalfCloseableProtocol)
class Silent(Protocol):
    """A peer that receives everything and sends nothing; the test itself may send in its place."""

    def readConnectionLost(self) -> None:
        """Stay connected."""

    def writeConnectionLost(self) -> None:
        """Stay connected."""


def joined(
    handler: Handler | WebSocketServerFactory | None = None,
    *,
    server: Callable[[], WS] = WebSocketServerProtocol,  # type: ignore[assignment]
    client: Callable[[], WC] = WebSocketClientProtocol,  # type: ignore[assignment]
    uri: str = _URI,
    clock: Clock | None = None,
    **options: Unpack[JoinedOptions],
) -> Joined[WS, WC]:
    """Connect a server and a client in memory, and open the connection between them.

    Args:
        handler: the handler of the server's connection, as for `serve`; or a server factory of
            the application, which must have a Clock as its reactor.
        server: makes the server's protocol, as create_protocol of `serve`.
        client: makes the client's protocol; by default a WebSocketClientProtocol.
        uri: the URI of the client's request.
        clock: the reactor of both ends, for several connections on one clock. By default
            the factory's clock, or a new one.
        **options: the options of `serve` and `connect`; an option that both have applies to both.
            A factory has its own options; with it, only the options of `connect`.

    Returns:
        Both ends of the open connection; also a context manager.

    Raises:
        InvalidHandshake: the connection couldn't be opened; `connect` would fail with the same.
        TypeError: there are a factory and options of a server, or there is no such option.
        ValueError: the factory has the real reactor, or another clock.
    """
    check_options(joined, options, JoinedOptions.__optional_keys__)
    if isinstance(handler, WebSocketServerFactory):
        if server is not WebSocketServerProtocol:
            raise TypeError(
                "handler is a factory, which makes the server's protocol itself; leave server out"
            )
        servers = handler
        clock = cast(Clock, servers.clock) if clock is None else clock
    else:
        clock = Clock() if clock is None else clock
        given = cast(Any, _without(_CLIENTS_ONLY, options))
        servers = WebSocketServerFactory(handler, create_protocol=server, reactor=clock, **given)
        options = cast(JoinedOptions, _without(_SERVERS_ONLY, options))
    clients = WebSocketClientFactory(
        uri, create_protocol=client, reactor=clock, **cast(Any, options)
    )
    protocol = clients.buildProtocol(None)
    both = Joined(cast(WS, servers.buildProtocol(None)), cast(WC, protocol), clock)
    both.result_of(WebSocketProtocol.wait_opened(protocol))
    return both


def opened(protocol: WebSocketProtocol, uri: str = _URI) -> RecordingTransport:
    """Connect one protocol to the test, and open the connection.

    The test is the peer: it sends frames with `RecordingTransport.feed`, and reads the frames of
    the protocol with `RecordingTransport.frames`. The connection has no compression.

    Args:
        protocol: a server's or a client's protocol that its factory has made.
        uri: the URI of the request to a server.

    Returns:
        The transport of the protocol.

    Raises:
        InvalidHandshake: the protocol has refused the handshake.
    """
    transport, _ = _connect(protocol, Silent())
    if isinstance(protocol, WebSocketClientProtocol):
        request = RequestReader().receive(bytes(transport.written))
        assert request is not None
        transport.feed_bytes(acceptance(request, None, None))
    else:
        transport.feed_bytes(build_request(parse_uri(uri)).serialize())
    failures: list[Failure] = []
    WebSocketProtocol.wait_opened(protocol).addErrback(failures.append)
    if state_of(protocol) is State.CONNECTING:
        # The protocol has refused, and waits until the peer has read the response.
        transport.peer.loseConnection()
        transport.pump()
    for failure in failures:
        failure.raiseException()
    return transport


def _connect(server: Protocol, client: Protocol) -> tuple[RecordingTransport, RecordingTransport]:
    """Connect two protocols, each with a transport of its own."""
    ends = RecordingTransport(server, 80), RecordingTransport(client, 50000)
    ends[0].peer, ends[1].peer = reversed(ends)
    for end in ends:
        end.protocol.makeConnection(end)
    return ends


def _busy() -> list[Joined[Any, Any]]:
    """Return those in a `with` block that have something to do."""
    return [
        each
        for each in _entered
        if not (each.server_transport.at_rest and each.client_transport.at_rest)
    ]


def _place(protocol: Protocol) -> str:
    """Return the path of a WebSocket, which tells several connections of a test apart."""
    request = getattr(protocol, "request", None)
    return "" if request is None else f" at {request.path}"


def _beginning(end: RecordingTransport) -> str:
    """Return the beginning of the first message that waits, if it can be read."""
    waiting = end.waiting_frames()
    if not waiting or waiting[0].compressed:
        return ""
    payload = waiting[0].payload[:_SHOWN]
    return f", beginning with {payload.decode(errors='replace')!r}"


def _check_clock(actual: object, expected: Clock) -> None:
    if actual is not expected or not isinstance(actual, Clock):
        raise ValueError(
            f"the factory's reactor is {actual!r}; make it with reactor=clock, the test's Clock"
        )


def _without(names: set[str], options: JoinedOptions) -> dict[str, object]:
    return {name: value for name, value in options.items() if name not in names}
