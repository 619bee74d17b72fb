"""The figures that the tests have found, as the table of docs/reliability.rst."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.machine import describe
from txws2._accelerator import load

FILE = Path(__file__).parent.parent.parent / "build" / "faults" / "figures.rst"

_HEADINGS = ("#", "Fault", "Held", "The others", "MiB before, peak, after", "Lost")


@dataclass
class Memory:
    """Bytes of memory that a server had before a fault, at most, and afterwards if it lives."""

    before: int
    peak: int
    after: int | None

    def __str__(self):
        sizes = (self.before, self.peak, self.after)
        return ", ".join("-" if size is None else f"{size / 2**20:.1f}" for size in sizes)


rows = []


def note(attack, fault, held, others, memory, lost=0):
    """Put a row into the table.

    Args:
        attack: the number that it has among the attacks, None if it is none.
        fault: what was done to the server.
        held: what it held out against.
        others: how the others fared meanwhile.
        memory: the server's.
        lost: how many messages were lost that had been acknowledged.
    """
    rows.append((attack or 0, fault, held, others, memory, lost))


def table():
    """Return the rows as a table in reStructuredText, under what was measured with."""
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
