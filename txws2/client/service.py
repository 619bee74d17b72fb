"""`WebSocketClientService` keeps a connection open, as a service that twistd can run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Generic, Unpack

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.logger import LogLevel
from twisted.python.failure import Failure
from typing_extensions import TypeVar

from txws2._checks.options import check_options
from txws2._checks.signatures import check_hook
from txws2._connection.handle import driver_of
from txws2._connection.journal import only_ended
from txws2._connection.parts import state_of
from txws2._connection.phases import SETTLED
from txws2._connection.typed_service import TypedService
from txws2._deferreds.callables import result_of
from txws2._deferreds.calls import Call, current_call
from txws2._deferreds.eventual import Eventual
from txws2._deferreds.missing_loop import log_failure
from txws2._deferreds.tasks import loop_runs
from txws2._deferreds.waiters import fail_quietly
from txws2._time.backoff import Backoff
from txws2._time.deadlines import call_off
from txws2._time.time_limit import TimeLimit
from txws2.client.client_state import ClientState, StateHook, call_state_hook
from txws2.client.connect_waiters import ConnectWaiters
from txws2.client.connections import ConnectOptions, open_target
from txws2.client.outgoing_queue import Drop, OutgoingQueue
from txws2.client.protocol import WebSocketClientFactory, WebSocketClientProtocol
from txws2.client.reconnection import connections
from txws2.client.retry_policy import ProcessException, check_retrying, process_exception
from txws2.client.target import Target, URISource
from txws2.exceptions import ConnectionClosed, InvalidState
from txws2.wire.closing import CloseCode
from txws2.wire.connection import State
from txws2.wire.encoder import Part

__all__ = ["WebSocketClientService"]

C = TypeVar("C", bound=WebSocketClientProtocol, default=WebSocketClientProtocol)


class WebSocketClientService(TypedService, Generic[C]):
    """Keeps a connection to a server while it runs, and makes another one when that is lost.

    When the service stops, it closes the connection with 1001. It can be started again.

    A connection that has ended is replaced at once if it was open for `backoff.good_after`
    seconds, and after a wait otherwise. So a server that closes new connections soon isn't asked
    again as fast as the network permits. The service also waits after each close code that
    reports an error.

    Args:
        uri: the ws or wss URI, or a function that returns it for each attempt, as for `connect`.
        on_message: called with each message. It may return a coroutine or a Deferred; until that
            is done, the next message waits. While max_queue messages wait, the service doesn't
            read from the server. An exception is logged, and the next message is delivered
            nevertheless. Without on_message, messages are discarded.
        on_connect: called with each new connection before anything else is sent or received on
            it: to log in, to subscribe again. It may send and receive, and may return a coroutine
            or a Deferred, which the service waits for. open_timeout limits the time of connecting
            and on_connect together; when that is over, on_connect is cancelled. An exception
            counts as a failure to connect: process_exception decides.
        on_state_change: called with each new `state`.
        max_waiting: the number of messages that may wait in memory for a connection; 0 by
            default. Their size has no limit.
        drop: the message to drop when max_waiting messages wait and one more is sent: "newest"
            for that one, "oldest" for the one that has waited longest.
        create_protocol: makes the protocol of each connection, as for `connect`.
        process_exception: decides whether to try again, as for ``async for`` with `connect`.
        backoff: the waits, as for ``async for`` with `connect`.
        reactor: the reactor to run on; None for the global one.
        **options: the options of `connect`.

    Attributes:
        state: a `ClientState`.

    Raises:
        TypeError: an option is of the wrong kind, or there is no such option.
        InvalidURI: uri isn't a WebSocket URI.
        InvalidProxy: proxy isn't the URL of a proxy.
        InvalidHandshake: a value can't be put in a request.
        OSError: a file with certificates can't be read.
        ValueError: an option is out of range, or excluded by another.
    """

    def __init__(
        self,
        uri: URISource,
        on_message: Callable[[str | bytes], object] | None = None,
        *,
        on_connect: Callable[[C], object] | None = None,
        on_state_change: StateHook | None = None,
        max_waiting: int = 0,
        drop: Drop = "newest",
        create_protocol: Callable[[], C] = WebSocketClientProtocol,  # type: ignore[assignment]
        process_exception: ProcessException = process_exception,
        backoff: Backoff = Backoff(),  # noqa: B008
        reactor: Any = None,
        **options: Unpack[ConnectOptions],
    ) -> None:
        # A mistake in the options is raised here, where the application makes it.
        check_options(type(self), options, ConnectOptions.__optional_keys__)
        check_retrying(process_exception, backoff)
        for name, hook, argument in (
            ("on_message", on_message, "message"),
            ("on_connect", on_connect, "connection"),
            ("on_state_change", on_state_change, "state"),
        ):
            if hook is not None:
                check_hook(name, hook, [argument])
        make = partial(WebSocketClientFactory, create_protocol=create_protocol, reactor=reactor)
        self._target = target = Target(uri, options, make)
        self._connect = partial(maybeDeferred, open_target, target, make)
        self.state = ClientState.STOPPED
        self._factory = target.factory
        self._on_message = on_message
        self._on_connect = on_connect
        self._on_state_change = on_state_change
        self._outgoing = OutgoingQueue(max_waiting, drop)
        self._process_exception = process_exception
        self._backoff = backoff
        # One object for each run, from start to stop; None while the service doesn't run.
        self._run: object = None
        self._running: Deferred[None] = succeed(None)
        # The run calls the hooks within this Call.
        self._call = Call(None)
        self._ws: C | None = None
        self._waiters: ConnectWaiters[C] = ConnectWaiters()
        # The exception with which the service has given up.
        self._final: Exception | None = None

    # The application calls these.

    def startService(self) -> None:
        """Make the first attempt to connect."""
        super().startService()
        if self._run is None:
            self._final = None
            self._run = run = object()
            begin: Deferred[None] = Deferred()
            self._call = call = Call(None)
            staying = self._stay_connected(run, begin)
            self._running = call.start(Deferred.fromCoroutine, staying)
            self._running.addErrback(self._ended, run)
            # The run begins only now, because a hook may call stopService at once, which needs
            # self._running.
            loop_runs(self._factory.reactor).addCallback(begin.callback)

    def stopService(self) -> Deferred[None]:
        """Close the connection with 1001, and make no other.

        Messages that have arrived are still given to `on_message`. The Deferreds of messages that
        wait to be sent fail, and so do those of `whenConnected`.

        Returns:
            A Deferred that fires when the connection is closed and `on_message` is done. After
            close_timeout, `on_message` is cancelled. The Deferred never fails. If `on_message` or
            another hook calls this method, the Deferred fires when the connection is closed.
        """
        super().stopService()
        running, ws = self._running, self._ws
        inside = current_call() is self._call
        ended = _closed(ws) if inside else _end_of(running)
        if self._run is None:
            return ended
        # A timer cancels `running`, even after 0 seconds, because the caller may run within it.
        seconds: float | None = 0
        if ws is not None:
            driver_of(ws).start_closing(CloseCode.GOING_AWAY)
            seconds = self._factory.close_timeout
        if seconds is not None:
            deadline = self._factory.clock.callLater(seconds, running.cancel)
            running.addBoth(lambda _: call_off(deadline))
        self._leave(CancelledError("the service was stopped"))
        return ended

    def whenConnected(self, failAfterFailures: int | None = None) -> Deferred[C]:
        """Return a Deferred of the open connection; it can be cancelled.

        Args:
            failAfterFailures: after this many failed attempts from now on, fail with the exception
                of the last one. None to wait as long as it takes.

        Returns:
            A Deferred that fails with CancelledError if the service is stopped. If the service
            gives up, the Deferred fails with the exception that it gives up with.
        """
        if self._final is not None:
            return _failed(self._final)
        if self._open is not None:
            return succeed(self._open)
        return self._waiters.wait(failAfterFailures)

    def send(
        self, message: Part, text: bool | None = None, *, compress: bool | None = None
    ) -> Deferred[None]:
        """Send a message on the open connection, or on the next one if the message may wait.

        Args:
            message: a str is sent as text, a bytes-like object as binary.
            text: as for `WebSocketClientProtocol.send`.
            compress: as for `WebSocketClientProtocol.send`.

        Returns:
            A Deferred that fires when the message was written to an open connection and there
            is room for more. The message may still be lost on its way; only an answer of the
            server shows that it has come. The Deferred fails with ConnectionClosed if the
            connection ended meanwhile, and then the server may have the message or not; with
            InvalidState if the message was dropped, or the service doesn't run; with UnicodeError
            if the text can't be UTF-8. Cancelling it takes back a message that still waits.

        Raises:
            TypeError: the message is neither a str nor a bytes-like object.
        """
        ws = self._open
        if ws is not None and not self._outgoing:
            return WebSocketClientProtocol.send(ws, message, text, compress=compress)
        if self._run is None:
            return _failed(self._final or InvalidState("not sent: the service isn't running"))
        return self._outgoing.add(message, text, compress)

    # A run of the service.

    @property
    def _open(self) -> C | None:
        ws = self._ws
        return ws if ws is not None and state_of(ws) is State.OPEN else None

    async def _stay_connected(self, run: object, begin: Deferred[None]) -> None:
        def backs_off(exc: Exception, attempt_failed: bool) -> None:
            self._change(ClientState.BACKING_OFF, run)
            if attempt_failed:
                self._waiters.attempt_failed(exc)

        await begin
        async for ws in connections(
            self._attempts(run), self._target, self._process_exception, self._backoff, backs_off
        ):
            await self._use(ws, run)

    def _attempts(self, run: object) -> Iterator[Deferred[C]]:
        while True:
            self._change(ClientState.CONNECTING, run)
            yield Deferred.fromCoroutine(self._attempt())

    async def _attempt(self) -> C:
        limit = TimeLimit(self._factory.clock, self._factory.open_timeout)
        ws: C = await self._connect()
        try:
            if self._on_connect is not None:
                await limit.wait(self._on_connect(ws), "on_connect")
        except CancelledError:
            await WebSocketClientProtocol.close(ws, CloseCode.GOING_AWAY)
            raise
        except Exception:
            await WebSocketClientProtocol.close(ws, CloseCode.INTERNAL_ERROR)
            raise
        return ws

    async def _use(self, ws: C, run: object) -> None:
        """Send and receive until the connection is closed."""
        try:
            if run is self._run:
                self._ws = ws
                self._outgoing.send_on(ws)
                self._change(ClientState.OPEN, run)
                while self._waiters and self._open is ws:
                    self._waiters.fire_one(ws)
                async for message in ws:
                    await self._receive(ws, message, run)
        except ConnectionClosed:
            # `connections` logs the end, and decides about the next connection.
            pass
        finally:
            if self._ws is ws:
                self._ws = None
            await WebSocketClientProtocol.close(ws, CloseCode.GOING_AWAY)
        if run is not self._run:
            raise CancelledError("the service was stopped")

    async def _receive(self, ws: C, message: str | bytes, run: object) -> None:
        if self._on_message is None:
            return
        try:
            await result_of(self._on_message(message))
        except Exception as exc:
            if isinstance(exc, CancelledError) and run is not self._run:
                raise  # The service was stopped, which has cancelled the hook.
            driver = driver_of(ws)
            ended = driver.phase >= SETTLED
            if not (ended and only_ended(driver.connection.closing, exc)):
                log_failure(self._factory.log, "{hook} failed", Failure(), hook="on_message")

    def _change(self, state: ClientState, run: object) -> None:
        if run is self._run:
            self._set(state)

    def _set(self, state: ClientState) -> None:
        self.state = state
        call_state_hook(self._on_state_change, state, self._factory.log)

    def _ended(self, reason: Failure, run: object) -> None:
        if run is self._run:
            exc = reason.value
            assert isinstance(exc, Exception)
            host = self._target.host
            log, critical = self._factory.log, LogLevel.critical
            log_failure(log, "giving up on {host}", reason, critical, host=host)
            self._final = exc
            self._leave(exc)

    def _leave(self, exc: Exception) -> None:
        """End this run; fail all Deferreds that wait for it."""
        self._run = self._ws = None
        self._outgoing.fail(exc)
        self._waiters.fail(exc)
        self._set(ClientState.STOPPED)


def _closed(ws: WebSocketClientProtocol | None) -> Deferred[None]:
    return succeed(None) if ws is None else WebSocketClientProtocol.wait_closed(ws)


def _end_of(running: Deferred[None]) -> Deferred[None]:
    """Return another Deferred that fires when this one does, for the application to wait for."""
    ended: Deferred[None] = Eventual()
    running.addBoth(ended.callback)
    return ended


def _failed(exc: Exception) -> Deferred[Any]:
    failed: Deferred[Any] = Deferred()
    fail_quietly(failed, exc)
    return failed
