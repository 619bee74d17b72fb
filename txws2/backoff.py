"""`Backoff`: how long to wait before another attempt to connect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import random

__all__ = ["Backoff"]


@dataclass(frozen=True)
class Backoff:
    """How long to wait after each attempt that has failed, in seconds.

    The first wait is random, so that the clients of a server that went down don't all return at
    once. Those that follow grow, from minimum to maximum.

    Args:
        initial: the first wait is between 0 and this (5). With 0 and many clients, a server that
            comes back is met by all of them.
        minimum: the second wait (3.1).
        factor: how much longer than the wait before it each later one is (1.618).
        maximum: what no wait is longer than (90).
        random: returns a number from 0 to 1, for the first wait; tests have their own.

    Raises:
        ValueError: a time is negative, or the factor is below 1.
    """

    initial: float = 5
    minimum: float = 3.1
    factor: float = 1.618
    maximum: float = 90
    random: Callable[[], float] = random

    def __post_init__(self) -> None:
        for name in ("initial", "minimum", "maximum"):
            # `not >=`, for what isn't a number.
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 seconds or more; it is {getattr(self, name)}")
        if not self.factor >= 1:
            raise ValueError(f"factor must be at least 1; it is {self.factor}")

    def delays(self) -> Iterator[float]:
        """Generate the waits, without end."""
        yield self.random() * min(self.initial, self.maximum)
        delay = self.minimum
        while True:
            delay = min(delay, self.maximum)
            yield delay
            delay *= self.factor
