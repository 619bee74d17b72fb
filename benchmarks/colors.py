"""The colors of the pictures, which can be read on light and on dark pages."""

__all__ = ["FLOOR", "LINES", "OTHERS", "OURS", "TEXT", "settings"]

TEXT = "#7a7a7a"
OURS, FLOOR, OTHERS = "#d2572f", "#a9a9a9", "#6f8fa8"

LINES = {
    "txws2": OURS,
    "txws2-iter": "#c28a1d",
    "uWebSockets.js": "#3f8fd2",
    "picows": "#2e9e6b",
    "aiohttp": "#9a6fd0",
    "ws": "#8a8a8a",
    "websockets": "#c9559f",
}
"""The color of each program whose cost is a line."""


def settings() -> dict[str, object]:
    """Return matplotlib's settings: text stays text, and the same results make the same file."""
    colored = ["text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"]
    return dict.fromkeys(colored, TEXT) | {
        "svg.fonttype": "none",
        "svg.hashsalt": "txws2",
        "font.size": 8,
        "savefig.transparent": True,
    }
