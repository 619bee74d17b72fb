"""The figures of some workloads as bars."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.colors import FLOOR, OTHERS, OURS, settings
from benchmarks.contests import CONTESTS, LOADS
from benchmarks.layout import number
from benchmarks.medians import summarise
from benchmarks.workloads import MEMORY

__all__ = ["draw", "draw_front"]

# The rest differs from these in little, and is in the tables.
PICTURED = [
    *("echo", "pipelined", "1MiB", "stream100", "stream1K", "stream16K"),
    *("mix", "stream512z", "deflate8K", "tls", "tlsstream", "broadcast"),
    *("handshakes", "idle", "used-deflate", "feed100", "feed16K", "ask32"),
]
FRONT = ["echo", "tls", "broadcast", "idle"]


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Write an SVG with a panel for each workload; in all of them, shorter is better."""
    _draw(results, path, PICTURED, columns=3, width=10)


def draw_front(results: Mapping[str, Any], path: Path) -> None:
    """Write the SVG of the docs' front page, which can be read on a phone: four workloads."""
    servers = [name for name in results["servers"] if name not in ("floor", "txws2-python")]
    _draw({**results, "servers": servers}, path, FRONT, columns=2, width=6)


def _draw(
    results: Mapping[str, Any], path: Path, workloads: Sequence[str], *, columns: int, width: float
) -> None:
    summary = summarise(results["runs"])
    pictured = [name for name in workloads if name in summary]
    rows = ceil(len(pictured) / columns) or 1
    with matplotlib.rc_context(settings()):
        figure = Figure(figsize=(width, 0.4 + 2.1 * rows), layout="constrained")
        panels = iter(figure.subplots(rows, columns, squeeze=False).flat)
        for workload in pictured:
            figure_of = LOADS[workload].figure
            names = results["clients" if CONTESTS[workload].of_clients else "servers"]
            found = summary[workload]
            shown = {name: found[name][figure_of] for name in names if name in found}
            _draw_panel(next(panels), workload, shown)
        for panel in panels:
            panel.set_axis_off()
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _draw_panel(panel: Axes, workload: str, values: Mapping[str, float]) -> None:
    unit = "KiB" if LOADS[workload].figure == MEMORY else "CPU µs"
    panel.set_title(f"{workload}, {unit}", loc="left", fontsize=9)
    colors = [_color(program) for program in values]
    bars = panel.barh(list(values), list(values.values()), color=colors)
    panel.bar_label(bars, [number(value) for value in values.values()], padding=2)
    panel.invert_yaxis()
    panel.margins(x=0.15)
    panel.spines[["top", "right", "bottom"]].set_visible(False)
    panel.tick_params(left=False, bottom=False, labelbottom=False)


def _color(program: str) -> str:
    if program.startswith("txws2"):
        return OURS
    return FLOOR if program == "floor" else OTHERS
