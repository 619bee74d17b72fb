"""Numbers on a command line: sizes as 64KiB, times as 10s, and plain numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

__all__ = ["Quantity", "count", "duration", "size"]

# An exponent of two digits is enough, and larger ones would take long to compute.
_NUMBER = re.compile(r"([0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]{1,2})?\s*([a-z]*)", re.I)

# As in GNU's coreutils, KB is a decimal unit, and K and KiB are binary units.
_SIZES = {"": 1, "b": 1} | {
    letter + end: unit**power
    for power, letter in enumerate("kmg", 1)
    for end, unit in (("", 1024), ("ib", 1024), ("b", 1000))
}
_TIMES: Mapping[str, int | Fraction] = {
    "": 1,
    "s": 1,
    "m": 60,
    "min": 60,
    "h": 3600,
    "ms": Fraction(1, 1000),
}

# No real size or time is larger.
_MOST = 2**63 - 1

_NO_WORDS: Mapping[str, Any] = MappingProxyType({})


class Quantity:
    """Parses a number: `quantity("64KiB")` is 65536.

    Args:
        noun: the unit of the number, as "bytes".
        units: the factor of each unit that may follow a number, in lower case.
        example: one or more texts that it accepts, for the error.
        least: the least number.
        beyond: True if the number must be more than 0.
        whole: True for integers, False for floats.
        words: texts that aren't numbers, and their values.
    """

    def __init__(
        self,
        noun: str,
        units: Mapping[str, int | Fraction],
        example: str,
        *,
        least: int = 0,
        beyond: bool = False,
        whole: bool = False,
        words: Mapping[str, Any] = _NO_WORDS,
    ) -> None:
        self._units = units
        self._least, self._beyond, self._whole = least, beyond, whole
        self._words = words
        bound = ", more than 0" if beyond else f", at least {least}" if least else ""
        also = "".join(f", or {word}" for word in words)
        self.expected = f"a number of {noun}{bound}, as {example}{also}"

    def __call__(self, text: str) -> Any:
        """Return the number in a text, or the value of a word.

        Raises:
            ValueError: the text has no number, or one out of range. The error says what was
                expected; the caller puts the name of the option before it.
        """
        word = text.strip().lower()
        if word in self._words:
            return self._words[word]
        number = self._number(word)
        if number is None or not self._least <= number <= _MOST or (self._beyond and not number):
            raise ValueError(f"must be {self.expected}; it is {text!r}")
        return int(number) if self._whole else float(number)

    def _number(self, text: str) -> Fraction | None:
        match = _NUMBER.fullmatch(text)
        factor = self._units.get(match[3]) if match else None
        if match is None or factor is None:
            return None
        try:
            number = Fraction(match[1].rstrip(".") + (match[2] or "")) * factor
        except ValueError:
            # An underscore is in a place that Python doesn't permit.
            return None
        return None if self._whole and number.denominator != 1 else number


def size(*, least: int = 0, words: Mapping[str, Any] = _NO_WORDS) -> Quantity:
    """Return a parser of sizes in bytes: 65536, 64KiB, 1MB."""
    return Quantity("bytes", _SIZES, "65536, 64KiB or 1MB", least=least, whole=True, words=words)


def duration(*, beyond: bool = False, words: Mapping[str, Any] = _NO_WORDS) -> Quantity:
    """Return a parser of times in seconds: 10, 10s, 500ms, 1m, 2h; beyond=True excludes 0."""
    return Quantity("seconds", _TIMES, "10, 10s, 500ms or 2m", beyond=beyond, words=words)


def count(noun: str, *, least: int = 1, words: Mapping[str, Any] = _NO_WORDS) -> Quantity:
    """Return a parser of plain numbers: 1000, 1_000."""
    return Quantity(noun, {"": 1}, "1000", least=least, whole=True, words=words)
