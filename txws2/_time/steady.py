"""Steady time, which a change of the system's clock doesn't move."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any, cast

from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python import runtime
from zope.interface import implementer

from txws2._time.clock_settings import watch

__all__ = ["SteadyClock", "steady"]


@implementer(IReactorTime)
class SteadyClock:
    """Delayed calls by monotonic time, on a reactor that uses the system's clock.

    If the clock is set forward, the reactor calls early, and the call is delayed again for the
    rest of its time. If the clock is set back, the reactor would call late; where the system
    reports the change, all calls are corrected at once.

    Args:
        reactor: the reactor.
        seconds: returns monotonic time.
        watch: called with the reactor and with a function to call when the clock was set; it
            returns True if the system reports that.

    Attributes:
        seconds: returns the time; only the difference of two times has a meaning.
    """

    # A method that passes the call on would take as long as the call.
    seconds: Callable[[], float] = staticmethod(monotonic)

    def __init__(
        self,
        reactor: Any,
        seconds: Callable[[], float] = monotonic,
        watch: Callable[[Any, Callable[[], None]], object] = watch,
    ) -> None:
        self._reactor = reactor
        self.seconds = seconds
        self._watch = watch
        self._watching = False

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kw: object
    ) -> IDelayedCall:
        """Call a function after these seconds, as `IReactorTime` describes."""
        if not self._watching:
            self._watching = True
            self._watch(self._reactor, self._put_right)
        timer = _Timer(self, callable, args, kw)
        timer.start(delay)
        return cast(IDelayedCall, timer)

    def getDelayedCalls(self) -> list[IDelayedCall]:
        """Return the pending calls of this clock."""
        timers = [getattr(call, "func", None) for call in self._reactor.getDelayedCalls()]
        return [timer for timer in timers if isinstance(timer, _Timer) and timer.clock is self]

    def _put_right(self) -> None:
        for timer in self.getDelayedCalls():
            timer.reset(max(0, timer.getTime() - self.seconds()))


@implementer(IDelayedCall)
class _Timer:
    """One delayed call; it may need several calls of the reactor until its time has come."""

    __slots__ = ("_args", "_call", "_due", "_function", "_kwargs", "clock")

    def __init__(
        self,
        clock: SteadyClock,
        function: Callable[..., Any] | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self.clock = clock
        self._function = function
        self._args, self._kwargs = args, kwargs
        # None once this call was cancelled or made.
        self._call: IDelayedCall | None = None

    def __call__(self) -> None:
        """Make the call, unless the reactor is early."""
        early = self._due - self.clock.seconds()
        self._call = None
        if early > 0:
            self.start(early)
            return
        function, self._function = self._function, None
        assert function is not None
        function(*self._args, **self._kwargs)

    def getTime(self) -> float:
        """Return the due time, by its clock."""
        return self._due

    def cancel(self) -> None:
        """Cancel the call."""
        call = self._active()
        self._call = None
        call.cancel()

    def start(self, seconds: float) -> None:
        """Make the call these seconds from now; the reactor must have no call for it."""
        clock = self.clock
        self._due = clock.seconds() + seconds
        self._call = clock._reactor.callLater(seconds, self)

    def reset(self, secondsFromNow: float) -> None:
        """Make the call these seconds from now instead."""
        # reset() of the reactor's call would search the reactor's whole heap.
        self._active().cancel()
        self.start(secondsFromNow)

    def delay(self, secondsLater: float) -> None:
        """Delay the call by these seconds."""
        self._active()
        self.reset(max(0, self._due + secondsLater - self.clock.seconds()))

    def active(self) -> bool:
        """Return True if the call is still pending."""
        return self._call is not None

    def _active(self) -> IDelayedCall:
        if self._call is None:
            raise AlreadyCalled if self._function is None else AlreadyCancelled
        return self._call


# Entries stay, because most processes have one reactor, and keep it.
_clocks: dict[Any, SteadyClock] = {}


def steady(reactor: Any) -> IReactorTime:
    """Return a steady clock on a reactor; or the reactor, if it doesn't use the system's clock."""
    if getattr(reactor, "seconds", None) is not runtime.seconds:
        return cast(IReactorTime, reactor)
    clock = _clocks.get(reactor)
    if clock is None:
        clock = _clocks[reactor] = SteadyClock(reactor)
    return cast(IReactorTime, clock)
