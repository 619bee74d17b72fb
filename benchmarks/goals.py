"""The goals: the most that txws2 may cost, relative to another figure of the same comparison.

The rows of goals.csv have the load and the program, the most that it may cost, and the unit of
that: the name of another program, for a multiple of its figure; KiB; or "step", for the largest
step of a sweep. The last column has the other load, if the other figure is that of another load.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contests import LOADS
from benchmarks.layout import number, size, table
from benchmarks.medians import Summary, summarise
from benchmarks.steps import Step, costs, largest_step
from benchmarks.sweeps import SWEEPS

__all__ = ["GOALS", "Goal", "measured", "report"]

FILE = Path(__file__).with_name("goals.csv")
KIB, STEP = "KiB", "step"


@dataclass(frozen=True)
class Goal:
    """A goal.

    Attributes:
        load: the name of a load or of a sweep.
        program: the server or client of ours.
        most: the most that the figure may be.
        times: the other program, "KiB" or "step".
        of: the load of the other program.
    """

    load: str
    program: str
    most: float
    times: str
    of: str

    def __str__(self) -> str:
        if self.times == KIB:
            return f"{number(self.most)} KiB"
        if self.times == STEP:
            return f"step {self.most:.2f}"
        other = self.times if self.of == self.load else self.of
        return f"{self.most:.2f} x {other}"


def _read() -> Iterator[Goal]:
    with FILE.open(newline="") as lines:
        for row in csv.DictReader(lines):
            load = row["Load"]
            yield Goal(load, row["Program"], float(row["Most"]), row["Times"], row["Of"] or load)


GOALS = tuple(_read())
"""All goals, in the order of the file."""


def measured(goal: Goal, summary: Summary) -> float | None:
    """Return the figure that the goal limits, or None if it wasn't measured."""
    if goal.times == STEP:
        step = _step(goal, summary)
        return step and step.factor
    ours = _figure(summary, goal.load, goal.program)
    if goal.times == KIB or ours is None:
        return ours
    other = _figure(summary, goal.of, goal.times)
    return None if not other else ours / other


def _step(goal: Goal, summary: Summary) -> Step | None:
    found = costs(summary, SWEEPS[goal.load], goal.program)
    return largest_step(found) if len(found) > 1 else None


def _figure(summary: Summary, load: str, program: str) -> float | None:
    found = summary.get(load, {}).get(program)
    return None if found is None else found[LOADS[load].figure]


def report(results: Mapping[str, Any]) -> str:
    """Return the table of the goals that were measured, and how many of them hold."""
    summary = summarise(results["runs"])
    found = {goal: value for goal in GOALS if (value := measured(goal, summary)) is not None}
    if not found:
        return ""
    rows = [["Load", "Program", "At most", "Measured", "Met"]]
    rows += [_row(goal, value, summary) for goal, value in found.items()]
    met = sum(value <= goal.most for goal, value in found.items())
    total = f"{met} of {len(found)} goals are met."
    if len(found) < len(GOALS):
        total += f" Another {len(GOALS) - len(found)} were not measured."
    return "\n".join([total, "", *table(rows, words=3), ""])


def _row(goal: Goal, value: float, summary: Summary) -> list[str]:
    step = _step(goal, summary) if goal.times == STEP else None
    found = number(value) if step is None else f"{number(value)} at {size(step.size)}"
    return [goal.load, goal.program, str(goal), found, "yes" if value <= goal.most else "no"]
