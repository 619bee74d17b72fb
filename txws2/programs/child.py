"""`Child`: a running process with its pipes, from its start to its end."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from signal import SIGKILL, SIGTERM, Signals
from typing import Any, NamedTuple

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from txws2._time.deadlines import call_off
from txws2.programs.command import Process
from txws2.programs.errors import ErrorLines
from txws2.programs.exits import watch_exit
from txws2.programs.pipes import Inlet, Outlet

__all__ = ["Child", "Phase", "Times", "how_it_ended"]

_log = Logger(namespace="txws2.programs")


class Phase(IntEnum):
    """A phase of a process.

    Attributes:
        RUNNING: nobody has asked for its end.
        ENDING: it is to end by itself, at the end of its input.
        TERMINATED: it got SIGTERM.
        KILLED: it got SIGKILL.
        ENDED: it has ended, and its status was taken, so that no zombie is left.
    """

    RUNNING = 0
    ENDING = 1
    TERMINATED = 2
    KILLED = 3
    ENDED = 4


class Times(NamedTuple):
    """The seconds that a process has to end.

    Attributes:
        term_after: from the end of its input until it gets SIGTERM.
        kill_after: from SIGTERM until it gets SIGKILL.
    """

    term_after: float
    kill_after: float


class Child:
    """A process, and all processes of its group, until the last of its output.

    The group gets each signal. The process that we have started is its leader. As long as the
    leader's status isn't taken, no other group can get its number; so the status is taken last.

    Args:
        reactor: the reactor.
        process: the process.
        name: its name in the log.
        times: the seconds that it has to end.
        receive: called with the bytes of each read of its output.
        output_ended: called at the end of its output.
        ended: called with its status when all is over: negative for a signal.

    Attributes:
        phase: the present `Phase`.
        inlet: its input; None if it reads nothing.
        outlet: its output.
    """

    def __init__(
        self,
        reactor: Any,
        process: Process,
        name: str,
        times: Times,
        receive: Callable[[bytes], None],
        output_ended: Callable[[], None],
        ended: Callable[[int], None],
    ) -> None:
        self.phase = Phase.RUNNING
        self._reactor = reactor
        self._process = process
        self._times = times
        self._output_ended = output_ended
        self._ended = ended
        self._exited = False
        self._timer: IDelayedCall | None = None
        # The bytes that its input had taken when the timer was set.
        self._written = 0
        assert process.stdout is not None
        assert process.stderr is not None
        self.inlet = None if process.stdin is None else Inlet(reactor, process.stdin)
        self.outlet = Outlet(reactor, process.stdout, receive, self._outlet_ended)
        self._errors = ErrorLines(_log, name, process.pid)
        self._error_outlet = Outlet(
            reactor, process.stderr, self._errors.receive, self._try_to_finish
        )
        self._stop_watching = watch_exit(reactor, process, self._leader_exited)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def stop(self) -> None:
        """Let the process end: at the end of its input, then by SIGTERM, then by SIGKILL.

        The times begin when its input has ended. While it still reads what was written before, it
        has time.
        """
        if self.phase is not Phase.RUNNING:
            return
        self.phase = Phase.ENDING
        self.outlet.discard()
        if self.inlet is None:
            self._terminate()
        else:
            self._wait(self._times.term_after, self._term_missed)

    def kill(self) -> None:
        """End the process at once."""
        if self.phase < Phase.KILLED:
            self.phase = Phase.KILLED
            call_off(self._timer)
            self._signal(SIGKILL)
            self._try_to_finish()

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        if self.inlet is not None:
            self._written = self.inlet.written
        self._timer = self._reactor.callLater(seconds, then)

    def _term_missed(self) -> None:
        inlet = self.inlet
        assert inlet is not None
        if inlet.written > self._written:
            self._wait(self._times.term_after, self._term_missed)
        else:
            self._terminate()

    def _terminate(self) -> None:
        self.phase = Phase.TERMINATED
        if self.inlet is not None:
            self.inlet.close()
        self._signal(SIGTERM)
        self._wait(self._times.kill_after, self._kill_missed)

    def _kill_missed(self) -> None:
        if not self._exited:
            _log.warn(
                "{name} [{pid}] is killed: it has not ended {seconds:g} seconds after SIGTERM",
                name=self._errors.name,
                pid=self.pid,
                seconds=self._times.kill_after,
            )
        self.kill()

    def _signal(self, number: Signals) -> None:
        # If the leader's status was taken by somebody else, its group may be gone.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _outlet_ended(self) -> None:
        self._output_ended()
        self._try_to_finish()

    def _leader_exited(self) -> None:
        self._exited = True
        self._try_to_finish()

    def _try_to_finish(self) -> None:
        """End it if the leader has ended, and nobody prints any more, or may print any more."""
        if not self._exited or self.phase is Phase.ENDED:
            return
        if self.outlet.open and self.phase is not Phase.KILLED:
            # Its children may still print.
            return
        if self._error_outlet.open and self.phase is Phase.TERMINATED:
            # Its children may need their time after SIGTERM.
            return
        self._finish()

    def _finish(self) -> None:
        self.phase = Phase.ENDED
        call_off(self._timer)
        # The leader's children have had their time.
        self._signal(SIGKILL)
        self._stop_watching()
        self._error_outlet.drain()
        self._errors.end()
        for pipe in (self.inlet, self.outlet, self._error_outlet):
            if pipe is not None:
                pipe.close()
        self._ended(self._process.wait())


def how_it_ended(status: int) -> str:
    """Say how a process ended, for people."""
    if status >= 0:
        return f"exit status {status}"
    with suppress(ValueError):
        return f"ended by {Signals(-status).name}"
    return f"ended by signal {-status}"
