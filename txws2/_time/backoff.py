"""The waits between attempts to connect: `Backoff` configures them, `Pace` counts them."""

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
    once. The later waits grow, from minimum to maximum. They begin anew after a good connection,
    one that was used for `good_after` seconds.

    Args:
        initial: the first wait is between 0 and this (5). With 0, all clients return at once to a
            server that comes back.
        minimum: the second wait (3.1).
        factor: the ratio of each later wait to the one before it (1.618).
        maximum: the longest wait (90).
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
            # `not >=` also refuses NaN.
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 seconds or more; it is {getattr(self, name)}")
        if not self.factor >= 1:
            raise ValueError(f"factor must be at least 1; it is {self.factor}")

    @property
    def good_after(self) -> float:
        """The seconds for which a good connection must be used: 5 by default.

        It is the longest possible first or second wait. So a client whose connections soon end
        doesn't ask the server more often than a client whose attempts fail.
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
        backoff: the configuration of the waits.
        clock: measures the use of each connection.
    """

    def __init__(self, backoff: Backoff, clock: IReactorTime) -> None:
        self._backoff = backoff
        self._clock = clock
        self._delays = backoff.delays()
        self._since = 0.0

    def failed(self) -> float:
        """Return the wait after a failed attempt."""
        return next(self._delays)

    def opened(self) -> None:
        """Note that a connection is open now."""
        self._since = self._clock.seconds()

    def ended(self, in_trouble: bool) -> float:
        """Return the wait after the end of the last connection; 0 for no wait.

        Args:
            in_trouble: True to wait even if the connection was good.
        """
        if self._clock.seconds() - self._since >= self._backoff.good_after:
            self._delays = self._backoff.delays()
            if not in_trouble:
                return 0.0
        return next(self._delays)
