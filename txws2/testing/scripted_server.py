"""`ScriptedServer`: a server in memory that follows a test's script, attempt by attempt."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from inspect import isawaitable
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol

from txws2._checks.options import check_options
from txws2.exceptions import ConnectionClosed
from txws2.server.factory import (
    Handler,
    ServerOptions,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from txws2.server.hooks import hooks_of, selection_of
from txws2.testing.network import MemoryReactor, Place
from txws2.testing.pair import Joined, Silent
from txws2.testing.steps import Close, Drop, Open, Refuse, Silence, Step, Vanish, undelayed
from txws2.wire.handshake.server import offered_subprotocols
from txws2.wire.http.credentials import parse_basic
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.uris import parse_uri
from txws2.wire.proxy.urls import host_and_port

__all__ = ["Attempt", "ScriptedServer"]

T = TypeVar("T")


@dataclass(eq=False)
class Attempt:
    """One attempt of a client to connect.

    Attributes:
        time: the time of its beginning, by the clock; looking a name up takes no time.
        place: its destination: host and port, or the path of a Unix socket.
        secure: True if the URI was wss.
        step: the step of the script that it met.
        request: the request that the client has sent; None if it sent none.
        connection: both ends; None if there was no connection. Its client is the protocol of the
            endpoint, which has the application's protocol within it.
        opened: True if the opening handshake succeeded.
    """

    time: float
    place: Place
    secure: bool
    step: Step
    request: Request | None = None
    connection: Joined[Any, Any] | None = None
    opened: bool = False

    @property
    def uri(self) -> str:
        """The URI of the request, without user name and password.

        Without a request, it has the place of the attempt: "localhost" for a Unix socket, and
        no port if the attempt failed while the name was looked up.
        """
        path = "/" if self.request is None else self.request.path
        if self.request is not None and "Host" in self.request.headers:
            where = self.request.headers["Host"]
        else:
            where = _authority(self.place)
        return str(parse_uri(f"{'wss' if self.secure else 'ws'}://{where}{path}"))

    @property
    def subprotocols(self) -> list[str]:
        """The subprotocols that the client has offered, best first."""
        return [] if self.request is None else offered_subprotocols(self.request)

    @property
    def credentials(self) -> tuple[str, str] | None:
        """The user name and the password of the request (RFC 7617); None if it had none."""
        request = self.request
        return None if request is None else parse_basic(request.headers.get("Authorization", ""))


class ScriptedServer:
    """A server in memory for code that calls `connect`, or has a `WebSocketClientService`.

    The code under test runs as it is, including handshake, framing, keepalive and backoff; only
    sockets and time are replaced. Each attempt to connect meets the next step of the script.
    After the last step, each attempt meets the step `otherwise`.

    As a context manager, it replaces the global reactor, as `MemoryReactor` does, for code
    that isn't given `ScriptedServer.reactor`. At its end it raises an exception that a handler has
    raised, or an AssertionError if a step of the script was never met. If the test itself raises,
    these are added to that exception as notes.

    Args:
        handler: serves the connections that open, as for `serve`. None to leave that to the test,
            which has `connection`.
        at: the address of the server: a ws or wss URI, whose host and port count, or the path of
            a Unix socket. None for every address.
        otherwise: the step of attempts after the end of the script; by default they open.
        reactor: a MemoryReactor, for several servers on one clock. By default a new one.
        **options: the options of `serve`.

    Attributes:
        attempts: all attempts, oldest first.
        reactor: the `MemoryReactor`, a Clock.
        factory: makes the server's end of connections.
        otherwise: the same as the argument.

    Raises:
        InvalidURI: at is neither a URI nor a path.
    """

    def __init__(
        self,
        handler: Handler | None = None,
        *,
        at: str | None = None,
        otherwise: Step = Open(),  # noqa: B008
        reactor: MemoryReactor | None = None,
        **options: Unpack[ServerOptions],
    ) -> None:
        check_options(type(self), options, ServerOptions.__optional_keys__)
        self.reactor = MemoryReactor() if reactor is None else reactor
        self.otherwise = otherwise
        self.attempts: list[Attempt] = []
        self._at = None if at is None else _place(at)
        self._handler = handler
        self._script: deque[Step] = deque()
        self._served: dict[Any, Attempt] = {}
        hooks = options.get("process_request") or ()
        theirs = [hooks] if callable(hooks) else hooks
        options["process_request"] = [self._answer, *theirs, *hooks_of(handler)]
        if not options.get("subprotocols"):
            options.setdefault("select_subprotocol", selection_of(handler))
        self.factory = WebSocketServerFactory(self._serve, reactor=self.reactor, **options)
        self.reactor.servers.append(self)

    # A test calls these.

    def script(self, *steps: Step) -> Self:
        """Append steps to the script, one for each attempt; return this server."""
        self._script += steps
        return self

    @property
    def connection(self) -> Joined[WebSocketServerProtocol, Any]:
        """The connection that was opened last, to drop it, to send on it and to see its frames.

        Raises:
            AssertionError: no connection was opened.
        """
        for attempt in reversed(self.attempts):
            if attempt.opened:
                assert attempt.connection is not None
                return attempt.connection
        raise AssertionError(f"no connection was opened in {len(self.attempts)} attempts")

    def pump(self) -> None:
        """Move bytes and make the calls that are due, until nothing moves."""
        self.reactor.pump()

    def advance(self, seconds: float) -> None:
        """Let time pass; pump before that, at each second, and after each timer."""
        self.reactor.advance(seconds)

    def start(self, coroutine: Deferred[T] | Coroutine[Any, Any, T]) -> Deferred[T]:
        """Start a coroutine that may run for long, and pump; return its Deferred."""
        return self.reactor.start(coroutine)

    def result_of(self, awaited: Deferred[T] | Coroutine[Any, Any, T]) -> T:
        """Pump, and return the result, as `Joined.result_of` does."""
        return self.reactor.result_of(awaited)

    def take_failures(self) -> list[BaseException]:
        """Return the exceptions of handlers since the last call, as expected ones."""
        made = [attempt.connection for attempt in self.attempts]
        return [exc for both in made if both is not None for exc in both.take_failures()]

    def __enter__(self) -> Self:
        """Replace the global reactor; return this server."""
        self.reactor.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put the global reactor back, and report what the test has overlooked."""
        self.reactor.__exit__(kind, exception, traceback)
        unmet = ", ".join(map(repr, self._script))
        forgotten = f"steps of the script that no attempt has met: {unmet}" if unmet else ""
        failures = self.take_failures()
        if exception is not None:
            for failure in failures:
                exception.add_note(f"a handler has raised: {failure!r}")
            if forgotten:
                exception.add_note(forgotten)
        elif failures:
            raise failures[0]
        elif forgotten:
            raise AssertionError(forgotten)

    # The reactor calls these.

    def is_at(self, place: Place) -> bool:
        """Return True if the server is at this place; port 0 stands for any port."""
        at = self._at
        if at is None or place == at:
            return True
        return isinstance(place, tuple) and isinstance(at, tuple) and place == (at[0], 0)

    def next_step(self) -> Step:
        """Return the step that the next attempt meets, without taking it."""
        return self._script[0] if self._script else self.otherwise

    def begin(self, place: Place, secure: bool) -> Callable[[IProtocol], object]:
        """Take the next step for an attempt; return a function that takes the client's protocol."""
        step = self._script.popleft() if self._script else self.otherwise
        attempt = Attempt(self.reactor.seconds(), place, secure, step)
        self.attempts.append(attempt)
        return lambda client: self._accept(attempt, client)

    def _accept(self, attempt: Attempt, client: Any) -> None:
        if isinstance(undelayed(attempt.step)[1], Silence):
            server: Any = Silent()
        else:
            server = self.factory.buildProtocol(None)
            self._served[server] = attempt
        attempt.connection = both = Joined(server, client, self.reactor)
        # The protocol of the endpoint isn't a WebSocketClientProtocol, but has one within it.
        both.client_transport.hears_masked = False
        self.reactor.connections.append(both)

    def _answer(self, ws: WebSocketServerProtocol, request: Request) -> Response | None:
        attempt = self._served[ws]
        attempt.request = request
        _, step = undelayed(attempt.step)
        return step.response() if isinstance(step, Refuse) else None

    async def _serve(self, ws: WebSocketServerProtocol) -> None:
        attempt = self._served[ws]
        attempt.opened = True
        _, step = undelayed(attempt.step)
        if isinstance(step, (Drop, Vanish, Close)):
            self.reactor.callLater(step.after, self._end, step, attempt.connection)
        handler = (step.handler if isinstance(step, Open) else None) or self._handler
        try:
            served = ws.wait_closed() if handler is None else handler(ws)
            if isawaitable(served):
                await served
        except ConnectionClosed:
            # The script or the client has closed the connection.
            pass

    def _end(self, step: Drop | Vanish | Close, both: Joined[Any, Any]) -> None:
        if isinstance(step, Close):
            WebSocketServerProtocol.close(both.server, step.code, step.reason)
        elif isinstance(step, Drop):
            both.drop()
        else:
            both.vanish()


def _authority(place: Place) -> str:
    """Return a place in the form of a URI's authority."""
    if isinstance(place, str):
        return "localhost"
    host, port = place
    # The lookup of a name has no port.
    return host_and_port(host, port) if port else host


def _place(at: str) -> Place:
    """Return the place that the argument `at` names."""
    if at.startswith("/"):
        return at
    uri = parse_uri(at)
    return uri.host, uri.port
