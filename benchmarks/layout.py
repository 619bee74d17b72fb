"""Numbers and tables as reStructuredText."""

from collections.abc import Sequence

__all__ = ["NOTHING", "number", "size", "table"]

NOTHING = "·"


def number(value: float) -> str:
    """Return a number with its significant digits."""
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:,.{digits}f}"


def size(count: int) -> str:
    """Return a number of bytes that is a power of two, in the largest unit."""
    for unit in ("B", "KiB"):
        if count < 1024:
            return f"{count} {unit}"
        count //= 1024
    return f"{count} MiB"


def table(rows: Sequence[Sequence[str]], words: int = 1) -> list[str]:
    """Return the lines of a table.

    Args:
        rows: the cells; the first row is the heading.
        words: the number of columns at the left that hold words; the others hold numbers.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    align = [str.ljust if column < words else str.rjust for column in range(len(widths))]
    rule = "  ".join("=" * width for width in widths)
    lines = [
        "  ".join(to(cell, width) for to, cell, width in zip(align, row, widths, strict=True))
        for row in rows
    ]
    return [rule, lines[0], rule, *lines[1:], rule]
