"""Deadlines of connections, with one timer for all."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txws2._deferreds.isolation import isolated

__all__ = ["Deadlines", "call_off"]

T = TypeVar("T")

_ALLOWANCE = 0.1


def call_off(call: IDelayedCall | None) -> None:
    """Cancel a delayed call if there is one and it is still pending."""
    if call is not None and call.active():
        call.cancel()


class Deadlines(Generic[T]):
    """Connections with the same number of seconds to their deadline, from when each was added.

    They are due in the order in which they were added, so one timer for the first of them is
    enough. A timer for each would take more memory than the rest of an idle connection, and the
    reactor keeps cancelled timers for a while.

    At a deadline, data of the peers may still wait in the sockets. So the reactor gets another
    turn to read it. If the timer comes late, because the process was busy or stopped, the reactor
    gets a tenth of the time instead. It gets this allowance only once, so that a process that is
    always late gives up connections, too.

    Args:
        clock: runs the timer.
        seconds: the time of each connection.
        missed: called with a connection that is still here at its deadline.
    """

    def __init__(self, clock: IReactorTime, seconds: float, missed: Callable[[T], object]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._missed = missed
        self._due: dict[T, float] = {}
        self._timer: IDelayedCall | None = None

    def add(self, connection: T) -> None:
        """Add a connection, which must not be here yet."""
        self._due[connection] = self._clock.seconds() + self._seconds
        if self._timer is None:
            self._wait()

    def discard(self, connection: T) -> None:
        """Remove a connection, if it is here."""
        self._due.pop(connection, None)

    def rest(self) -> None:
        """Stop the timer, if no connection is here.

        `discard` doesn't: where connections come and go, the next would start it again each time.
        """
        if not self._due and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self, until: float) -> None:
        # The clock may be a little before `until`, as sums of floats are rounded.
        now = max(until, self._clock.seconds())
        allowance = self._seconds * _ALLOWANCE
        late = now - until > allowance
        self._timer = self._clock.callLater(allowance if late else 0, self._judge, now)

    def _judge(self, until: float) -> None:
        self._timer = None
        for connection, _ in list(takewhile(lambda item: item[1] <= until, self._due.items())):
            if self._due.pop(connection, None) is not None:
                isolated(self._missed, connection)
        self._wait()

    def _wait(self) -> None:
        """Start the timer for the first connection that is due, unless it runs."""
        if self._due and self._timer is None:
            now = self._clock.seconds()
            # Connections that became due during the allowance get no second one.
            first = max(now, next(iter(self._due.values())))
            self._timer = self._clock.callLater(first - now, self._expire, first)
