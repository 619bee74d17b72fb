"""The waits between attempts to connect: `Backoff` has them, and `Pace` keeps to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Real
from random import random

from twisted.internet.interfaces import IReactorTime

from txws2._checks.kinds import shown

__all__ = ["Backoff", "Pace"]


@dataclass(frozen=True)
class Backoff:
    """The waits before each attempt to connect, in seconds.

    The first wait is random, so that the clients of a server that went down don't all return at
    once. Those that follow grow, from minimum to maximum. They begin anew after a good connection,
    which is one that was used for `good_after` seconds.

    Args:
        initial: the first wait is between 0 and this (5). With 0 and many clients, a server that
            comes back is met by all of them.
        minimum: the second wait (3.1).
        factor: how much longer than the wait before it each later one is (1.618).
        maximum: what no wait is longer than (90).
        random: returns a number from 0 to 1, for the first wait; tests have their own.

    Raises:
        TypeError: one of the first four isn't a number.
        ValueError: a time is negative, or the factor is below 1.
    """

    initial: float = 5
    minimum: float = 3.1
    factor: float = 1.618
    maximum: float = 90
    random: Callable[[], float] = random

    def __post_init__(self) -> None:
        for name in ("initial", "minimum", "maximum", "factor"):
            if not isinstance(getattr(self, name), Real):
                raise TypeError(f"{name} must be a number; it is {shown(getattr(self, name))}")
        for name in ("initial", "minimum", "maximum"):
            # `not >=`, for what isn't a number.
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 seconds or more; it is {getattr(self, name)}")
        if not self.factor >= 1:
            raise ValueError(f"factor must be at least 1; it is {self.factor}")

    @property
    def good_after(self) -> float:
        """Seconds that a connection must be used for to be a good one: 5 by default.

        It is the longest that the first or the second wait may be, so that the server isn't asked
        more often by a client that it throws out than by one that it doesn't let in.
        """
        return min(max(self.initial, self.minimum), self.maximum)

    def delays(self) -> Iterator[float]:
        """Generate the waits, without end."""
        yield self.random() * min(self.initial, self.maximum)
        delay = self.minimum
        while True:
            delay = min(delay, self.maximum)
            yield delay
            delay *= self.factor


class Pace:
    """The waits between the connections of one client.

    Args:
        backoff: has the waits.
        clock: tells how long each connection was used.
    """

    def __init__(self, backoff: Backoff, clock: IReactorTime) -> None:
        self._backoff = backoff
        self._clock = clock
        self._delays = backoff.delays()
        self._since = 0.0

    def failed(self) -> float:
        """Return how long to wait after an attempt that has failed."""
        return next(self._delays)

    def opened(self) -> None:
        """Note that a connection is open now."""
        self._since = self._clock.seconds()

    def ended(self, in_trouble: bool) -> float:
        """Return how long to wait after the connection that was opened last; 0 for not at all.

        Args:
            in_trouble: whether there is a wait even if the connection was good.
        """
        if self._clock.seconds() - self._since >= self._backoff.good_after:
            self._delays = self._backoff.delays()
            if not in_trouble:
                return 0.0
        return next(self._delays)
