"""What libFuzzer says of a target, in one line that can be read."""

import re
from dataclasses import dataclass

_COVERAGE = re.compile(r"^#\d+\t\w+ +cov: (\d+) ft: (\d+) ", re.MULTILINE)
_EXECUTIONS = re.compile(r"^stat::number_of_executed_units: (\d+)", re.MULTILINE)
_WRITTEN = re.compile(r"Test unit written to (.+)")
_UNCAUGHT = re.compile(r"=== Uncaught Python exception: ===\n(.+)")
_SUMMARY = re.compile(r"^SUMMARY: libFuzzer: (.+)", re.MULTILINE)

# Characters of an exception; the log has all of it.
MOST_WORDS = 200


@dataclass
class Result:
    """How it went with one target.

    Attributes:
        executions: inputs that were tried.
        seconds: how long that took.
        branches: places in txws2 that were reached.
        features: those, told apart by how often they were reached.
        grown: inputs that the corpus has gained.
        problem: what is wrong, if anything is.
        found: the path of the input that shows it; None if there isn't one.
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
        """Return the lines that tell of a problem and how to see it again."""
        lines = [f"{self.target}: {self.problem}"]
        if self.found:
            lines.append(f"    python -m tests.fuzz {self.target} {self.found}")
        return lines


def read(target, log, status, seconds, grown):
    """Return the result of a run.

    Args:
        target: its name.
        log: all that libFuzzer and Python have said.
        status: its exit status, or why it had to be ended.
        seconds: how long it took.
        grown: inputs that the corpus has gained.
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
