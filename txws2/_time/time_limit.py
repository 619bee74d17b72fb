"""`TimeLimit`: a number of seconds for several steps together."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txws2._deferreds.callables import has_fired, result_of
from txws2._time.deadlines import call_off
from txws2.exceptions import OpeningTimeout

__all__ = ["TimeLimit"]


class TimeLimit:
    """One deadline for several steps, one after the other.

    Args:
        clock: has the time.
        seconds: the time from now on for all steps together; None for no limit.
    """

    def __init__(self, clock: IReactorTime, seconds: float | None) -> None:
        self._clock = clock
        self._end = None if seconds is None else clock.seconds() + seconds

    @property
    def remaining(self) -> float | None:
        """The seconds that are left, at least 0; None if there is no limit."""
        return None if self._end is None else max(self._end - self._clock.seconds(), 0.0)

    def wait(self, result: object, stage: str) -> Deferred[Any]:
        """Wait for the result of a function, until the deadline.

        The coroutine or Deferred is cancelled at the deadline, and also when the returned Deferred
        is cancelled. If it ignores that, the returned Deferred doesn't wait for it.

        Args:
            result: a coroutine, a Deferred, or the result itself.
            stage: the name of this step, for `OpeningTimeout`.

        Returns:
            A Deferred of the result; it fails with OpeningTimeout at the deadline.
        """
        working = Deferred.fromCoroutine(result_of(result))
        if has_fired(working):
            return working
        step = _Step(working, stage)
        if self.remaining is not None:
            step.timer = self._clock.callLater(self.remaining, step.time_out)
        return step.done


class _Step:
    """A step that isn't done yet; its timer gives it up."""

    timer: IDelayedCall | None = None

    def __init__(self, working: Deferred[Any], stage: str) -> None:
        self.done: Deferred[Any] = Deferred(lambda _: self._give_up())
        self._stage = stage
        self._working = working
        self._given_up = False
        working.addBoth(self._worked)

    def _worked(self, result: object) -> object:
        if self._given_up:
            # The Deferred of this step has already fired.
            return None
        call_off(self.timer)
        self.done.callback(result)
        return None

    def time_out(self) -> None:
        self._give_up()
        self.done.errback(OpeningTimeout(self._stage))

    def _give_up(self) -> None:
        self._given_up = True
        call_off(self.timer)
        self._working.cancel()
