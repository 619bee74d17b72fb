"""Time that goes on evenly, whatever the system's clock is set to."""

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
    """Calls when so much time has passed, on a reactor that goes by the system's clock.

    When that is set forward, the reactor calls early, and the call is put off for the rest of its
    time. When it is set back, the reactor would call late by as much; where the system tells of it,
    all calls are put right then.

    Args:
        reactor: the reactor.
        seconds: what never jumps.
        watch: called with the reactor and with what is to be called when the clock was set; it
            tells whether there is such a way.
    """

    def __init__(
        self,
        reactor: Any,
        seconds: Callable[[], float] = monotonic,
        watch: Callable[[Any, Callable[[], None]], object] = watch,
    ) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._watch = watch
        self._watching = False

    def seconds(self) -> float:
        """Return the time; only how it differs from another means anything."""
        return self._seconds()

    def callLater(
        self, delay: float, callable: Callable[..., Any], *args: object, **kw: object
    ) -> IDelayedCall:
        """Call when so many seconds have passed; `IReactorTime` says more."""
        if not self._watching:
            self._watching = True
            self._watch(self._reactor, self._put_right)
        timer = _Timer(self, callable, args, kw)
        timer.start(delay)
        return cast(IDelayedCall, timer)

    def getDelayedCalls(self) -> list[IDelayedCall]:
        """Return those that were asked for here and are still to come."""
        timers = [getattr(call, "func", None) for call in self._reactor.getDelayedCalls()]
        return [timer for timer in timers if isinstance(timer, _Timer) and timer.clock is self]

    def _put_right(self) -> None:
        for timer in self.getDelayedCalls():
            timer.reset(max(0, timer.getTime() - self.seconds()))


@implementer(IDelayedCall)
class _Timer:
    """One call; the reactor's own may have to be replaced before it comes."""

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
        # None once it was cancelled, or called.
        self._call: IDelayedCall | None = None

    def __call__(self) -> None:
        """Call, for the reactor, unless it is too early."""
        early = self._due - self.clock.seconds()
        self._call = None
        if early > 0:
            self.start(early)
            return
        function, self._function = self._function, None
        assert function is not None
        function(*self._args, **self._kwargs)

    def getTime(self) -> float:
        """Return when it is due, by its clock."""
        return self._due

    def cancel(self) -> None:
        """Let it not be called."""
        call = self._active()
        self._call = None
        call.cancel()

    def start(self, seconds: float) -> None:
        """Have it called so many seconds from now; the reactor isn't to call it yet."""
        clock = self.clock
        self._due = clock.seconds() + seconds
        self._call = clock._reactor.callLater(seconds, self)

    def reset(self, secondsFromNow: float) -> None:
        """Have it called so many seconds from now instead."""
        # To move one within its heap, the reactor would search all of that.
        self._active().cancel()
        self.start(secondsFromNow)

    def delay(self, secondsLater: float) -> None:
        """Have it called so much later than it would be."""
        self._active()
        self.reset(max(0, self._due + secondsLater - self.clock.seconds()))

    def active(self) -> bool:
        """Tell whether it is still to come."""
        return self._call is not None

    def _active(self) -> IDelayedCall:
        if self._call is None:
            raise AlreadyCalled if self._function is None else AlreadyCancelled
        return self._call


# Few processes have more than one reactor, and that one for ever.
_clocks: dict[Any, SteadyClock] = {}


def steady(reactor: Any) -> IReactorTime:
    """Return a clock that runs on a reactor; the reactor itself, if its time isn't the system's."""
    if getattr(reactor, "seconds", None) is not runtime.seconds:
        return cast(IReactorTime, reactor)
    clock = _clocks.get(reactor)
    if clock is None:
        clock = _clocks[reactor] = SteadyClock(reactor)
    return cast(IReactorTime, clock)
