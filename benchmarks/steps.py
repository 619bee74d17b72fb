"""The cost of a message by its size, and the steps in it."""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from benchmarks.medians import Summary
from benchmarks.sweeps import Sweep
from benchmarks.workloads import CPU

__all__ = ["Step", "costs", "largest_step"]


class Step(NamedTuple):
    """The cost of a message, relative to that of one of half the size.

    Without a step, twice the size takes at most twice the cost.
    """

    factor: float
    size: int


def costs(summary: Summary, sweep: Sweep, program: str) -> dict[int, float]:
    """Return the CPU microseconds of a program for each message, by the size of the messages."""
    return {
        size: found[program][CPU]
        for size, load in sweep.loads.items()
        if program in (found := summary.get(load.name, {}))
    }


def largest_step(by_size: Mapping[int, float]) -> Step:
    """Return the largest step between two sizes; without two sizes, a step of 1."""
    found = [
        Step(cost / before, size)
        for (half, before), (size, cost) in pairwise(by_size.items())
        if size == 2 * half
    ]
    return max(found, default=Step(1.0, next(iter(by_size), 0)))
