"""The output of libFuzzer for a target, as one readable line."""

import re
from dataclasses import dataclass

_COVERAGE = re.compile(r"^#\d+\t\w+ +cov: (\d+) ft: (\d+) ", re.MULTILINE)
_EXECUTIONS = re.compile(r"^stat::number_of_executed_units: (\d+)", re.MULTILINE)
_WRITTEN = re.compile(r"Test unit written to (.+)")
_UNCAUGHT = re.compile(r"=== Uncaught Python exception: ===\n(.+)")
_SUMMARY = re.compile(r"^SUMMARY: libFuzzer: (.+)", re.MULTILINE)

# The length of an exception's text in characters; the log has all of it.
MOST_WORDS = 200


@dataclass
class Result:
    """The result of a run of one target.

    Attributes:
        executions: the number of inputs tried.
        seconds: the length of the run.
        branches: the number of branches reached in txws2.
        features: the number of these, counted separately for how often each was reached.
        grown: the number of inputs that the corpus has gained.
        problem: the error; None if there is none.
        found: the path of the input that shows it; None if there is none.
    """

    target: str
    executions: int
    seconds: float
    branches: int
    features: int
    grown: int
    problem: str | None = None
    found: str | None = None

    def __str__(self):
        rate = self.executions / max(self.seconds, 1)
        return (
            f"{self.target:<10} {self.executions:>9} executions {rate:>7.0f}/s"
            f"  coverage {self.branches:>4}, {self.features:>5} features"
            f"  corpus +{self.grown:<4} {'a finding' if self.problem else 'no findings'}"
        )

    def advice(self):
        """Return the lines with the problem and the command that reproduces it."""
        lines = [f"{self.target}: {self.problem}"]
        if self.found:
            lines.append(f"    python -m tests.fuzz {self.target} {self.found}")
        return lines


def read(target, log, status, seconds, grown):
    """Return the result of a run.

    Args:
        target: the target's name.
        log: the output of libFuzzer and Python.
        status: the exit status, or the reason that the process was killed.
        seconds: the length of the run.
        grown: the number of inputs that the corpus has gained.
    """
    branches, features = map(int, (_COVERAGE.findall(log) or [(0, 0)])[-1])
    tried = _EXECUTIONS.search(log)
    executions = int(tried[1]) if tried else 0
    result = Result(target, executions, seconds, branches, features, grown)
    if written := _WRITTEN.search(log):
        result.found = written[1]
    if status != 0 or written:
        words = _UNCAUGHT.search(log) or _SUMMARY.search(log)
        result.problem = words[1][:MOST_WORDS] if words else f"ended with {status}"
    return result
