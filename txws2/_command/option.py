"""One option of `twistd ws`: its name, its words, and the way to read its value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from txws2._checks.quantities import Quantity, count, duration, size

__all__ = [
    "CannotStart",
    "Group",
    "Option",
    "WrongOption",
    "WrongOptions",
    "listed",
    "number",
]


class CannotStart(SystemExit, Exception):
    """Ends the process with one line on stderr and status 1.

    It is a SystemExit, so that there is no traceback. It is also an Exception, so that twistd
    cleans up, and a daemon reports it to the process that started it. This report is cut after 100
    bytes, with the name of the class among them, so the reason comes first in its text.
    """

    # The name of the module that exports it is shorter.
    __module__ = "txws2.tap"

    def __init__(self, reason: str) -> None:
        super().__init__(f"twistd ws: {reason}")


class WrongOption(CannotStart):
    """An option is wrong, so the server can't start.

    Args:
        name: the name of the option.
        problem: the problem, as a sentence.
        value: the value that is wrong, if the option has several values.

    Attributes:
        name: the name of the option.
        problem: the problem.
        value: the value.
    """

    def __init__(self, name: str, problem: str, value: str | None = None) -> None:
        super().__init__(problem)
        self.name, self.problem, self.value = name, problem, value


class WrongOptions(CannotStart):
    """Some options are wrong, or can't go together; there is a line for each problem.

    Args:
        problems: a sentence for each.

    Attributes:
        problems: the same.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\ntwistd ws: ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Option:
    """One option; the help, the command line and the configuration file are made of these.

    Attributes:
        name: its name, without dashes before it.
        words: the text of the help, without a full stop.
        value: the word for its value in the help; "" for a flag, which has no value.
        read: makes the value from its text. It raises ValueError with the end of a sentence that
            begins with the name of the option.
        default: the value without the option; an option of many values has an empty list.
        otherwise: the default in the help.
        many: True if it may be repeated.
        short: a letter that stands for its name on the command line.
        bare: the text that a missing value stands for; None if there must be a value.
    """

    name: str
    words: str
    value: str = ""
    read: Callable[[str], Any] = str
    default: Any = None
    otherwise: str = ""
    many: bool = False
    short: str | None = None
    bare: str | None = None

    @property
    def flag(self) -> bool:
        """True if it has no value."""
        return not self.value

    def parse(self, text: str) -> Any:
        """Return the value in a text.

        Raises:
            WrongOption: the text has none.
        """
        try:
            return self.read(text)
        except ValueError as exc:
            raise WrongOption(self.name, f"--{self.name} {exc}", text) from exc


@dataclass(frozen=True)
class Group:
    """Options that stand together in the help.

    Attributes:
        title: the title.
        options: the options.
        words: a text after them.
    """

    title: str
    options: tuple[Option, ...]
    words: str = ""


def listed(names: Sequence[str]) -> str:
    """Return names as a list for people: "a, b or c"."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


# The word for no limit.
_NONE = {"none": None}

_KINDS: dict[str, Quantity] = {
    "TIME": duration(beyond=True, words=_NONE),
    "TIME, 0": duration(words=_NONE),
    "SIZE": size(words=_NONE),
    "SIZE, 1": size(least=1),
    "NUMBER": count("connections", words=_NONE),
    "HEADERS": count("headers"),
}


def number(name: str, words: str, kind: str, default: float | None, otherwise: str) -> Option:
    """Return an option that is a number.

    Args:
        name: its name.
        words: the text of the help.
        kind: "TIME", "SIZE", "NUMBER" or "HEADERS"; "TIME, 0" for a time that may be 0; "SIZE, 1"
            for a size that must be at least 1 and must have a limit.
        default: the value without the option.
        otherwise: the default in the help.
    """
    value = kind.partition(",")[0].replace("HEADERS", "NUMBER")
    return Option(name, words, value, _KINDS[kind], default, otherwise)
