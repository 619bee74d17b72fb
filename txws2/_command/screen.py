"""A text as a terminal shows it: with nothing that steers it, in rows that fit."""

from __future__ import annotations

from collections.abc import Iterator
from unicodedata import category, east_asian_width

from txws2.wire.escaping import escaped

__all__ = ["printable", "rows"]

_JOINER = "\u200d"

# Marks that are put on the character before them, and what is there to format others.
_WITHOUT_WIDTH = {"Mn", "Me", "Cf"}


def printable(text: str) -> str:
    """Return the text with what could steer a terminal made visible; newlines stay."""
    return "\n".join(map(escaped, text.split("\n")))


def rows(text: str, width: int) -> Iterator[str]:
    """Cut a text into the rows of a terminal that is so many cells wide."""
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
    """Generate what is one character to a person: with its marks, and what is joined to it."""
    cluster = ""
    for character in line:
        if cluster and _width(character) and not cluster.endswith(_JOINER):
            yield cluster
            cluster = ""
        cluster += character
    if cluster:
        yield cluster


def _width(character: str) -> int:
    """Return the cells that a character takes, at most: terminals differ on those joined."""
    if category(character) in _WITHOUT_WIDTH:
        return 0
    return 1 + (east_asian_width(character) in "WF")
