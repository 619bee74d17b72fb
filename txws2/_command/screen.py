"""Text for a terminal: without control characters, in rows that fit."""

from __future__ import annotations

from collections.abc import Iterator
from unicodedata import category, east_asian_width

from txws2.wire.escaping import escaped

__all__ = ["printable", "rows"]

_JOINER = "\u200d"

# Combining marks, and format characters.
_WITHOUT_WIDTH = {"Mn", "Me", "Cf"}


def printable(text: str) -> str:
    """Return the text with control characters escaped; newlines stay."""
    return "\n".join(map(escaped, text.split("\n")))


def rows(text: str, width: int) -> Iterator[str]:
    """Split a text into the rows of a terminal with this width in cells."""
    for line in text.split("\n"):
        row, taken = "", 0
        for cluster in _clusters(line):
            cells = sum(map(_width, cluster))
            if row and taken + cells > width:
                yield row
                row, taken = "", 0
            row += cluster
            taken += cells
        yield row


def _clusters(line: str) -> Iterator[str]:
    """Generate grapheme clusters: a character with its marks and the characters joined to it."""
    cluster = ""
    for character in line:
        if cluster and _width(character) and not cluster.endswith(_JOINER):
            yield cluster
            cluster = ""
        cluster += character
    if cluster:
        yield cluster


def _width(character: str) -> int:
    """Return the most cells that a character takes; terminals differ for joined characters."""
    if category(character) in _WITHOUT_WIDTH:
        return 0
    return 1 + (east_asian_width(character) in "WF")
