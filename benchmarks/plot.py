"""The results as a picture."""

from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.medians import summarise
from benchmarks.tables import number
from benchmarks.workloads import MEMORY, WORKLOADS

__all__ = ["draw"]

COLUMNS = 3
OURS, FLOOR, OTHERS = "#b5492b", "#c9c9c9", "#6f8fa8"


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Write an SVG with a panel for each workload; in all of them, shorter is better."""
    summary = summarise(results["runs"])
    rows = ceil(len(summary) / COLUMNS) or 1
    # Text stays text, and the same results make the same file.
    settings = {"svg.fonttype": "none", "svg.hashsalt": "txws2", "font.size": 8}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(10, 0.4 + 2.1 * rows), layout="constrained")
        panels = iter(figure.subplots(rows, COLUMNS, squeeze=False).flat)
        for workload, servers in summary.items():
            figure_of = WORKLOADS[workload].figure
            shown = [server for server in results["servers"] if server in servers]
            _draw_panel(next(panels), workload, {name: servers[name][figure_of] for name in shown})
        for panel in panels:
            panel.set_axis_off()
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _draw_panel(panel: Axes, workload: str, values: Mapping[str, float]) -> None:
    unit = "KiB" if WORKLOADS[workload].figure == MEMORY else "CPU µs"
    panel.set_title(f"{workload}, {unit}", loc="left", fontsize=9)
    colors = [_color(server) for server in values]
    bars = panel.barh(list(values), list(values.values()), color=colors)
    panel.bar_label(bars, [number(value) for value in values.values()], padding=2)
    panel.invert_yaxis()
    panel.margins(x=0.15)
    panel.spines[["top", "right", "bottom"]].set_visible(False)
    panel.tick_params(left=False, bottom=False, labelbottom=False)


def _color(server: str) -> str:
    if server.startswith("txws2"):
        return OURS
    return FLOOR if server == "floor" else OTHERS
