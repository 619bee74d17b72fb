"""`Joined`: both ends of a connection in memory, and a clock."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Generic, Unpack, cast

from twisted.internet.defer import Deferred, ensureDeferred
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
from txws2._deferreds.tasks import running_loop
from txws2.client.protocol import RequestOptions, WebSocketClientFactory, WebSocketClientProtocol
from txws2.server.factory import (
    FactoryOptions,
    Handler,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from txws2.testing.failures import Failures
from txws2.testing.recorder import RecordingTransport
from txws2.wire.connection import State
from txws2.wire.handshake.client import build_request
from txws2.wire.handshake.extra_fields import HeadersLike
from txws2.wire.handshake.server import acceptance
from txws2.wire.http.readers import RequestReader
from txws2.wire.http.uris import parse_uri

__all__ = ["Joined", "Silent", "joined", "opened", "pass_time", "result_of"]

_ON_A_LOOP = (
    "; on asyncio's loop, coroutines are tasks, which run while the test awaits something: "
    "call pump(), and await this"
)

_URI = "ws://example.com/"

T = TypeVar("T")
S = TypeVar("S", bound=Protocol, default=WebSocketServerProtocol)
C = TypeVar("C", bound=Protocol, default=WebSocketClientProtocol)
WS = TypeVar("WS", bound=WebSocketServerProtocol, default=WebSocketServerProtocol)
WC = TypeVar("WC", bound=WebSocketClientProtocol, default=WebSocketClientProtocol)


class JoinedOptions(FactoryOptions, total=False):
    """The options of both sides; those that both have are meant for both."""

    origin: str | None
    additional_headers: HeadersLike
    user_agent_header: str | None


_CLIENTS_ONLY = {"additional_headers", "origin", "user_agent_header"}
_SERVERS_ONLY = set(FactoryOptions.__annotations__) - set(RequestOptions.__annotations__)


class Joined(Generic[S, C]):
    """A server's and a client's protocol, connected to each other in memory.

    `joined` makes one of a handler. As a context manager, it sees at the end that the test has
    overlooked nothing: it raises what a handler has raised, and an AssertionError if there are
    bytes that the test forgot to `pump`; to an exception of the test, it adds these as notes.
    Then it closes the connection.

    Args:
        server: the protocol that was accepted.
        client: the protocol that has connected.
        clock: the clock that both have as their reactor.

    Attributes:
        server: the server's protocol.
        client: the client's protocol.
        clock: the clock.
        server_transport: the transport of the server, a `RecordingTransport`.
        client_transport: the transport of the client.

    Raises:
        ValueError: the factory of one has another clock.
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
        """Both of them."""
        return self.server_transport, self.client_transport

    def pump(self) -> None:
        """Move bytes, both ways, until nothing moves.

        Raises:
            AssertionError: the two ends answer each other without end.
        """
        self.server_transport.pump()

    def advance(self, seconds: float) -> None:
        """Let time pass, and bytes move before that, at each second, and after each timer."""
        pass_time(self.clock, seconds, self.clock.advance, self.pump)

    def result_of(self, awaited: Deferred[T] | Coroutine[Any, Any, T]) -> T:
        """Pump, and return the result.

        Args:
            awaited: a Deferred, or a coroutine, which is started; it may talk to either end.

        Raises:
            Exception: what it failed with.
            AssertionError: it has no result, although nothing moves any more.
        """
        try:
            return result_of(awaited, self.pump)
        except BaseException as exc:
            self._failures.explain(exc)
            raise

    def take_failures(self) -> list[BaseException]:
        """Return what handlers and hooks have raised since the last call, and expect it.

        It was logged, too, so that with trial `flushLoggedErrors` has to take it as well.
        """
        return [cast(BaseException, failure.value) for failure in self._failures.take()]

    def drop(self, reason: Exception | None = None) -> None:
        """Break the connection, for both ends, without a close frame."""
        for end in self.transports:
            end.end(reason or ConnectionLost())
        self.pump()

    def vanish(self) -> None:
        """Cut the cable: from now on nothing arrives, and nobody is told."""
        for end in self.transports:
            end.frozen = True

    def __enter__(self) -> Joined[S, C]:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Tell what the test has overlooked, and close the connection."""
        forgotten = self._forgotten()
        if exception is not None:
            self._failures.explain(exception)
            if forgotten:
                exception.add_note(forgotten)
        self._close()
        failures = self.take_failures()
        if exception is None:
            if failures:
                raise failures[0]
            if forgotten:
                raise AssertionError(forgotten)

    def _forgotten(self) -> str:
        return "; ".join(
            f"{end.waiting} bytes that the {side} has written were never moved: pump() is missing"
            for side, end in (("server", self.server_transport), ("client", self.client_transport))
            if end.waiting
        )

    def _close(self) -> None:
        for protocol in (self.client, self.server):
            if isinstance(protocol, WebSocketProtocol):
                WebSocketProtocol.close(protocol)
                break
        self.pump()
        if self.server_transport.connected or self.client_transport.connected:
            # The ends can't tell each other. What a handler makes of that isn't the test's matter.
            failures = self._failures.take()
            self.drop()
            self._failures.found[:] = failures


@implementer(IHalfCloseableProtocol)
class Silent(Protocol):
    """The other end where that is the test itself, or nobody: it hears all, and says nothing."""

    def readConnectionLost(self) -> None:
        """Stay."""

    def writeConnectionLost(self) -> None:
        """Stay."""


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
        handler: what handles the connection at the server, as for `serve`; or the factory that
            an application has, which must have a Clock as its reactor.
        server: makes the server's protocol, as create_protocol of `serve`.
        client: makes the client's protocol; by default one to send and receive with.
        uri: what the client connects to.
        clock: what both have as their reactor, for several connections on one clock. By default
            the factory's, or a new one.
        **options: those of `serve` and `connect`; those that both of them have are for both. With
            a factory, which has its own, those of `connect`.

    Returns:
        Both ends of the open connection; also a context manager.

    Raises:
        InvalidHandshake: the connection couldn't be opened; it is what `connect` fails with.
        TypeError: there are a factory and options of a server, or there is no such option.
        ValueError: the factory has the real reactor, or another clock.
    """
    check_options(joined, options, JoinedOptions.__optional_keys__)
    if isinstance(handler, WebSocketServerFactory):
        if server is not WebSocketServerProtocol:
            raise TypeError("a factory makes the server's protocol itself")
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

    The test is the other end: it says frames with `RecordingTransport.feed`, and reads what the
    protocol has written with `RecordingTransport.frames`. No compression is agreed on.

    Args:
        protocol: a server's or a client's protocol, as its factory has made it.
        uri: what a server is asked for.

    Returns:
        The transport that the protocol has.

    Raises:
        InvalidHandshake: the protocol has refused to open.
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
        # It has refused, and waits for the other end to have read why.
        transport.peer.loseConnection()
        transport.pump()
    for failure in failures:
        failure.raiseException()
    return transport


def result_of(awaited: Deferred[T] | Coroutine[Any, Any, T], pump: Callable[[], None]) -> T:
    """Start a coroutine, if it is one, pump, and return the result.

    Args:
        awaited: a Deferred or a coroutine.
        pump: lets happen what can happen now.

    Raises:
        Exception: what it failed with.
        AssertionError: it has no result.
    """
    results: list[T | Failure] = []
    ensureDeferred(awaited).addBoth(results.append)
    pump()
    if not results:
        raise AssertionError(
            "no result, although nothing moves any more: this waits for time to pass "
            "(advance()), for another connection (its pump()), or for what never comes"
            + (_ON_A_LOOP if running_loop() is not None else "")
        )
    [result] = results
    if isinstance(result, Failure):
        result.raiseException()
    return result


def pass_time(
    clock: Clock,
    seconds: float,
    advance: Callable[[float], object],
    pump: Callable[[], None],
) -> None:
    """Let time pass, in steps of a second at most, and to each timer.

    Args:
        clock: has the time and the timers.
        seconds: how long.
        advance: lets so many seconds pass in one step.
        pump: lets happen what can happen now: before all of it, and after each step.
    """
    pump()
    end = clock.seconds() + seconds
    while (now := clock.seconds()) < end:
        timers = (call.getTime() for call in clock.getDelayedCalls())
        advance(min(now + 1, end, *(time for time in timers if time > now)) - now)
        pump()


def _connect(server: Protocol, client: Protocol) -> tuple[RecordingTransport, RecordingTransport]:
    """Connect two protocols, each with a transport of its own."""
    ends = RecordingTransport(server, 80), RecordingTransport(client, 50000)
    ends[0].peer, ends[1].peer = reversed(ends)
    for end in ends:
        end.protocol.makeConnection(end)
    return ends


def _check_clock(actual: object, expected: Clock) -> None:
    if actual is not expected or not isinstance(actual, Clock):
        raise ValueError(
            f"the factory's reactor is {actual!r}; make it with reactor=clock, the test's Clock"
        )


def _without(names: set[str], options: JoinedOptions) -> dict[str, object]:
    return {name: value for name, value in options.items() if name not in names}
