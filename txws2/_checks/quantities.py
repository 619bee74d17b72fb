"""Numbers that people write: sizes as 64KiB, times as 10s, and plain ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

__all__ = ["Quantity", "count", "duration", "size"]

# Two digits of an exponent are enough for anybody, and don't take long to work out.
_NUMBER = re.compile(r"([0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]{1,2})?\s*([a-z]*)", re.I)

# As GNU's coreutils have them: KB is of the decimal ones, K and KiB are of the binary ones.
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

# More is no time or size that anything in a computer counts.
_MOST = 2**63 - 1

_NO_WORDS: Mapping[str, Any] = MappingProxyType({})


class Quantity:
    """Reads a number from a text: `quantity("64KiB")` is 65536.

    Args:
        noun: the unit of the number, as "bytes".
        units: the factor of each unit that may be written behind a number, in lower case.
        example: a text or two that it reads.
        least: the least number that makes sense.
        beyond: whether it must be more than 0.
        whole: whether it must be a whole number, which an int then is; a float otherwise.
        words: texts that aren't numbers, and the values that they stand for.
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
        """Return the number that a text stands for, or the value of a word.

        Raises:
            ValueError: it stands for none, or for one that makes no sense here. The text says
                what must be, and follows the name of an option.
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
            # An underscore is where Python wants none.
            return None
        return None if self._whole and number.denominator != 1 else number


def size(*, least: int = 0, words: Mapping[str, Any] = _NO_WORDS) -> Quantity:
    """Return what reads a number of bytes: 65536, 64KiB, 1MB."""
    return Quantity("bytes", _SIZES, "65536, 64KiB or 1MB", least=least, whole=True, words=words)


def duration(*, beyond: bool = False, words: Mapping[str, Any] = _NO_WORDS) -> Quantity:
    """Return what reads a number of seconds, or only one beyond 0: 10, 10s, 500ms, 1m, 2h."""
    return Quantity("seconds", _TIMES, "10, 10s, 500ms or 2m", beyond=beyond, words=words)


def count(noun: str, *, least: int = 1, words: Mapping[str, Any] = _NO_WORDS) -> Quantity:
    """Return what reads how many of something there may be: 1000, 1_000."""
    return Quantity(noun, {"": 1}, "1000", least=least, whole=True, words=words)
