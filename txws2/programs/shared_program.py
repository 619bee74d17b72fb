"""`SharedProgram`: one process for all connections."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from txws2._checks.kinds import (
    check_count,
    check_flag,
    check_instance,
    check_reactor,
    check_seconds,
)
from txws2._connection.broadcast import Slow, broadcast
from txws2._connection.factory import global_reactor
from txws2._connection.handle import driver_of
from txws2._connection.phases import OPEN
from txws2._connection.typed_service import TypedService
from txws2._deferreds.waiters import Waiters
from txws2._time.backoff import Backoff, Pace
from txws2._time.deadlines import call_off
from txws2.programs.child import Child, Times, how_it_ended
from txws2.programs.command import Command
from txws2.programs.environment import PASSED, chosen
from txws2.programs.lines import Chunks, Lines
from txws2.programs.messages import feed, send_together
from txws2.programs.pipes import Inlet
from txws2.wire.escaping import escaped
from txws2.wire.http.heads import Request, Response

__all__ = ["SharedProgram"]

_log = Logger(namespace="txws2.programs")

_WAITS = Backoff(initial=1, minimum=1, maximum=60)


class SharedProgram(TypedService):
    """A handler, and a service, that runs one program for all connections, as ``tail -F log``.

    The program runs as long as the service does. Each line that it prints is sent to all
    connections, encoded once. If it ends, it is started again after a wait, which grows while it
    ends soon; the connections stay open. When the service stops, the program gets SIGTERM, and
    SIGKILL kill_after seconds later. The service can be started again.

    A server refuses requests with 503 while the service doesn't run. The server and this service
    are best children of the same MultiService.

    Args:
        arguments: the program and its arguments, as for `Program`.
        binary: as for `Program`.
        takes_input: True to write the messages of all connections to the program's input, in the
            order of their arrival. False to drop them: the program has no input.
        history: the number of last lines that a new connection gets at once (0). They are kept
            while the program is started again.
        slow: the treatment of slow connections, as for `txws2.broadcast`.
        max_size: as for `Program`; the program is started again after such a line.
        pass_environment: as for `Program`.
        environment: as for `Program`.
        directory: as for `Program`.
        term_after: the seconds from the end of the program's input to SIGTERM (0.1), with
            takes_input.
        kill_after: the seconds from SIGTERM to SIGKILL (5).
        backoff: the waits before the program is started again; by default a second at most after
            it has run for a second, and up to a minute if it ends sooner.
        reactor: the reactor to run on; None for the global one.

    Raises:
        TypeError: an option is of the wrong kind.
        ValueError: there is no such program, or it isn't executable; an option is out of range; or
            there are both binary and history.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        binary: bool = False,
        takes_input: bool = False,
        history: int = 0,
        slow: Slow = "skip",
        max_size: int | None = 1 << 20,
        pass_environment: Sequence[str] = PASSED,
        environment: Mapping[str, str] | None = None,
        directory: str | None = None,
        term_after: float = 0.1,
        kill_after: float = 5,
        backoff: Backoff = _WAITS,
        reactor: Any = None,
    ) -> None:
        check_flag("binary", binary)
        check_flag("takes_input", takes_input)
        check_count("history", history, 0, optional=False)
        check_count("max_size", max_size, 1)
        check_seconds("term_after", term_after, zero=True, optional=False)
        check_seconds("kill_after", kill_after, zero=True, optional=False)
        check_instance("backoff", backoff, Backoff, "Backoff(maximum=10)")
        if slow not in get_args(Slow):
            raise ValueError(f"slow must be one of {get_args(Slow)}; it is {slow!r}")
        if binary and history:
            raise ValueError("history counts lines, and there are none with binary=True")
        if reactor is not None:
            check_reactor(reactor)
        self._command = Command(arguments, directory)
        self._environment = {**chosen(pass_environment, None), **chosen((), environment)}
        self._binary = binary
        self._takes_input = takes_input
        self._slow: Slow = slow
        self._max_size = max_size
        self._times = Times(term_after, kill_after)
        self._backoff = backoff
        self._reactor = reactor
        self._history: deque[str | bytes] = deque(maxlen=history)
        # In the order in which they came.
        self._listeners: dict[Any, None] = {}
        self._child: Child | None = None
        self._restart: IDelayedCall | None = None
        self._stopped: Waiters[None] = Waiters()
        self._pace: Pace
        self._messages: Lines | Chunks
        self._told_invalid = False

    # The service.

    def startService(self) -> None:
        """Start the program."""
        super().startService()
        if self._reactor is None:
            self._reactor = global_reactor()
        self._pace = Pace(self._backoff, self._reactor)
        if self._child is None:
            self._start()

    def stopService(self) -> Deferred[None]:
        """Stop the program; the Deferred fires when it has ended."""
        super().stopService()
        call_off(self._restart)
        if self._child is None:
            return succeed(None)
        if self._child.inlet is not None:
            self._child.inlet.finish()
        self._child.stop()
        return self._stopped.wait()

    # The handler.

    def process_request(self, connection: Any, request: Request) -> Response | None:
        """Refuse requests while the service doesn't run; the server calls this."""
        if self.running:
            return None
        _log.warn(
            "a connection to {name} is refused: its service isn't running; call startService()",
            name=self._command.name,
        )
        response: Response = connection.respond(503, "The program isn't running.\n")
        return response

    async def __call__(self, connection: Any) -> None:
        """Send a connection what the program prints, until it is closed; the server calls this."""
        self._listeners[connection] = None
        try:
            send_together(connection, self._history)
            await feed(connection, self._inlet)
        finally:
            del self._listeners[connection]

    def _inlet(self) -> Inlet | None:
        return None if self._child is None else self._child.inlet

    # The program.

    def _start(self) -> None:
        try:
            process = self._command.start(self._environment, stdin=self._takes_input)
        except OSError as exc:
            self._start_again(self._pace.failed(), f"can't be started: {exc}")
            return
        self._messages = Chunks() if self._binary else Lines(self._max_size)
        self._pace.opened()
        self._child = Child(
            self._reactor,
            process,
            self._command.name,
            self._times,
            self._receive,
            self._output_ended,
            self._ended,
        )

    def _start_again(self, seconds: float, why: str) -> None:
        _log.warn(
            "{name} {why}; it is started again in {seconds:.1f} seconds",
            name=self._command.name,
            why=escaped(why),
            seconds=seconds,
        )
        self._restart = self._reactor.callLater(seconds, self._start)

    def _receive(self, data: bytes) -> None:
        messages = self._messages
        self._send(messages.receive(data))
        if messages.too_long:
            _log.error(
                "{name} is stopped: a line is longer than max_size allows", name=self._command.name
            )
            self._end()
        elif messages.invalid and not self._told_invalid:
            self._told_invalid = True
            _log.warn(
                "the output of {name} isn't UTF-8; U+FFFD is sent for wrong bytes",
                name=self._command.name,
            )

    def _output_ended(self) -> None:
        self._send(self._messages.rest())
        self._end()

    def _end(self) -> None:
        assert self._child is not None
        self._child.stop()

    def _send(self, messages: Sequence[str | bytes]) -> None:
        if self._history.maxlen:
            self._history.extend(messages)
        if not messages:
            return
        outboxes = [] if len(messages) == 1 else list(_outboxes(self._listeners))
        for outbox in outboxes:
            outbox.cork()
        try:
            for message in messages:
                broadcast(self._listeners, message, slow=self._slow)
        finally:
            for outbox in outboxes:
                outbox.uncork()

    def _ended(self, status: int) -> None:
        self._child = None
        if self.running:
            wait = self._pace.ended(in_trouble=True)
            self._start_again(wait, f"has ended ({how_it_ended(status)})")
        self._stopped.fire(None)


def _outboxes(connections: Iterable[Any]) -> Iterable[Any]:
    for connection in connections:
        driver = driver_of(connection)
        if driver.phase is OPEN:
            yield driver.outbox
