"""The files that a comparison leaves."""

from pathlib import Path

from benchmarks import bars, curves, goals, tables
from benchmarks.results import Results

__all__ = ["write"]


def write(results: Results, folder: Path) -> str:
    """Write the tables and the pictures of the results; return those to read at once."""
    texts = {
        "overview": tables.overview(results),
        "goals": goals.report(results),
        "sizes": tables.sizes(results),
        "details": tables.details(results),
    }
    for name, text in texts.items():
        (folder / f"{name}.rst").write_text(text)
    bars.draw(results, folder / "plot.svg")
    bars.draw_front(results, folder / "front.svg")
    curves.draw(results, folder / "sizes.svg")
    return (
        f"\n{texts['overview']}\n{texts['goals']}\n"
        f"All figures are in {folder}: details.rst, sizes.rst, plot.svg, front.svg, sizes.svg, "
        "results.json."
    )
