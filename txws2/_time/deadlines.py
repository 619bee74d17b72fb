"""When connections must have got somewhere: one timer for all of them, or one for each."""

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
    """Cancel a delayed call if there is one and it is still to come."""
    if call is not None and call.active():
        call.cancel()


class Deadlines(Generic[T]):
    """The connections that have the same time for something, from when each was entered.

    So the order in which they were entered is the order in which they are due, and one timer
    for the first of them does. To the reactor, a timer for each would be larger than most of what
    an idle connection has, and it keeps those that were cancelled for a while.

    When it is time, what the peers have said may still wait in the sockets. So the reactor has
    another turn to read it in; and where the timer comes late, as the process was busy or stopped,
    a tenth of the time. It is given once, so a process that is always late judges, too.

    Args:
        clock: what the timer runs on.
        seconds: the time that each has.
        missed: called with a connection that is still here when its time is up.
    """

    def __init__(self, clock: IReactorTime, seconds: float, missed: Callable[[T], object]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._missed = missed
        self._due: dict[T, float] = {}
        self._timer: IDelayedCall | None = None

    def add(self, connection: T) -> None:
        """Give a connection its time; it isn't here yet."""
        self._due[connection] = self._clock.seconds() + self._seconds
        self._wait()

    def discard(self, connection: T) -> None:
        """Let a connection be."""
        self._due.pop(connection, None)
        if not self._due and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self, until: float) -> None:
        # One that was due at that very time, and whose sum of floats came out a little more, is
        # due, too.
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
        """Wait for the first that is due, who needn't be the one that was entered now."""
        if self._due and self._timer is None:
            now = self._clock.seconds()
            # Those that became due meanwhile are late by our own doing.
            first = max(now, next(iter(self._due.values())))
            self._timer = self._clock.callLater(first - now, self._expire, first)
