"""Results and time in memory: both need a pump that moves bytes and makes calls that are due."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from txws2._deferreds.tasks import running_loop

__all__ = ["pass_time", "result_of"]

_ON_A_LOOP = (
    "; on asyncio's loop, coroutines are tasks, which run while the test awaits something: "
    "call pump(), and await this"
)

T = TypeVar("T")


def result_of(awaited: Deferred[T] | Coroutine[Any, Any, T], pump: Callable[[], None]) -> T:
    """Pump, and return the result of a Deferred or a coroutine.

    Args:
        awaited: a Deferred, or a coroutine, which is started.
        pump: moves bytes and makes the calls that are due, until nothing moves.

    Raises:
        Exception: the exception that the Deferred or the coroutine failed with.
        AssertionError: there is no result.
    """
    results: list[T | Failure] = []
    ensureDeferred(awaited).addBoth(results.append)
    pump()
    if not results:
        raise AssertionError(
            "no result, although nothing moves any more: this waits for time to pass "
            "(advance()), for another connection (its pump()), or for something that never comes"
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
    """Advance a clock, in steps that end at each second and at each timer.

    Args:
        clock: has the time and the timers.
        seconds: the time to pass.
        advance: advances the clock by one step, in seconds.
        pump: moves bytes and makes the calls that are due; it is called first, and after each
            step.
    """
    pump()
    end = clock.seconds() + seconds
    while (now := clock.seconds()) < end:
        timers = (call.getTime() for call in clock.getDelayedCalls())
        advance(min(now + 1, end, *(time for time in timers if time > now)) - now)
        pump()
