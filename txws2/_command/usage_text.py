"""The help of `twistd ws`: its options in groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from txws2._command.option import Group, Option

__all__ = ["usage_text"]

# The words of an option begin in this column.
_COLUMN = 32
# Narrower lines are hard to read.
_NARROWEST = 60


def usage_text(groups: Sequence[Group], first: str, last: str, width: int) -> str:
    """Return the help.

    Args:
        groups: the options.
        first: the text before them.
        last: the text after them.
        width: the columns of the screen.
    """
    width = max(width, _NARROWEST)
    lines = wrap(first, width) if first else []
    for group in groups:
        lines += ["", f"{group.title}:"]
        for option in group.options:
            lines += _lines_of(option, width)
        lines += wrap(group.words, width, initial_indent="  ", subsequent_indent="  ")
    lines += ["", *wrap(last, width)]
    return "\n".join(lines).lstrip("\n") + "\n"


def _lines_of(option: Option, width: int) -> Iterator[str]:
    """Generate the lines of an option: its name, then its words beside or below that."""
    short = f"-{option.short}, " if option.short else ""
    name = f"  {short}--{option.name} {option.value}".rstrip()
    words = wrap(_words_of(option), width - _COLUMN)
    if len(name) + 2 > _COLUMN:
        yield name
    else:
        yield name.ljust(_COLUMN) + words.pop(0)
    for line in words:
        yield " " * _COLUMN + line


def _words_of(option: Option) -> str:
    default = f" [{option.otherwise}]" if option.otherwise else ""
    repeated = "; may be repeated" if option.many and not option.value.startswith("[") else ""
    return f"{option.words}{repeated}{default}"
