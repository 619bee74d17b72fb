"""The figures of the fault tests, as the table of docs/reliability.rst."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.machine import describe
from txws2._accelerator import load

FILE = Path(__file__).parent.parent.parent / "build" / "faults" / "figures.rst"

_HEADINGS = ("#", "Fault", "Result", "Other clients", "MiB before, peak, after", "Lost")


@dataclass
class Memory:
    """A server's bytes of memory before a fault, at the peak, and afterwards, None if it ended."""

    before: int
    peak: int
    after: int | None

    def __str__(self):
        sizes = (self.before, self.peak, self.after)
        return ", ".join("-" if size is None else f"{size / 2**20:.1f}" for size in sizes)


rows = []


def note(attack, fault, held, others, memory, lost=0):
    """Add a row to the table.

    Args:
        attack: the row of the attack in docs/reliability.rst; None for a fault that isn't there.
        fault: the attack on the server.
        held: the result: the load, and the server's answer to it.
        others: the other clients meanwhile.
        memory: the server's memory.
        lost: the number of acknowledged messages that were lost.
    """
    rows.append((attack or 0, fault, held, others, memory, lost))


def table():
    """Return the rows as a table in reStructuredText, below a line on the machine."""
    machine = describe()
    core = "Python" if load() is None else "C"
    lines = [
        f"{machine['processor']}; {machine['kernel']}; Python {platform.python_version()}; "
        f"Twisted {version('twisted')}; the protocol core in {core}; "
        f"load average {os.getloadavg()[1]:.1f}.",
        "",
        ".. list-table::",
        "   :header-rows: 1",
        "",
    ]
    for attack, *cells in (_HEADINGS, *sorted(rows)):
        lines.append(f"   * - {attack or ''}".rstrip())
        lines += [f"     - {cell}" for cell in cells]
    return "\n".join(lines) + "\n"
