"""The cost of a message against its size, as lines."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.colors import LINES, settings
from benchmarks.layout import size
from benchmarks.medians import Summary, summarise
from benchmarks.steps import costs
from benchmarks.sweeps import SIZES, SWEEPS, Sweep

__all__ = ["draw"]

MARKERS = "osD^vP*"


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Write an SVG with a panel for each sweep; in all of them, lower is better."""
    summary = summarise(results["runs"])
    with matplotlib.rc_context(settings()):
        figure = Figure(figsize=(10, 4.6), layout="constrained")
        panels = figure.subplots(1, len(SWEEPS), sharey=True)
        for panel, sweep in zip(panels, SWEEPS.values(), strict=True):
            _draw_panel(panel, sweep, summary)
        panels[0].set_ylabel("CPU µs for each message")
        _draw_legend(figure, panels)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _draw_panel(panel: Axes, sweep: Sweep, summary: Summary) -> None:
    panel.set_title(sweep.title, loc="left", fontsize=9)
    for marker, (program, color) in zip(MARKERS, LINES.items(), strict=True):
        found = costs(summary, sweep, program)
        if found:
            ours = program.startswith("txws2")
            panel.plot(
                list(found),
                list(found.values()),
                label=program,
                color=color,
                marker=marker,
                markersize=3,
                linewidth=2 if ours else 1,
                zorder=3 if ours else 2,
            )
    panel.set_xscale("log", base=2)
    panel.set_yscale("log")
    shown = SIZES[::-4]
    panel.set_xticks(shown, [size(count) for count in shown], rotation=45)
    panel.minorticks_off()
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    panel.grid(linewidth=0.4, alpha=0.4)
    panel.spines[["top", "right"]].set_visible(False)


def _draw_legend(figure: Figure, panels: Any) -> None:
    handles: dict[str, Any] = {}
    for panel in panels:
        found, labels = panel.get_legend_handles_labels()
        handles |= dict(zip(labels, found, strict=True))
    if handles:
        figure.legend(
            handles.values(), handles, loc="outside lower center", ncols=len(handles), frameon=False
        )
