"""The grammar of the opening handshake's header fields (RFC 6455 sections 4.3 and 9.1).

Every parser walks its text once, from left to right, with patterns that can't backtrack: the
time is linear in what a peer sends, whatever it sends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from txws2.wire.exceptions import InvalidHeaderFormat

__all__ = ["Extension", "is_token", "parse_extensions", "parse_tokens"]

Extension = tuple[str, list[tuple[str, str | None]]]
"""An extension's name and its parameters in order; a parameter without a value has None."""

_T = TypeVar("_T")

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_QUOTED = re.compile(r'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t -~])*)"')
_ESCAPED = re.compile(r"\\(.)")
_SPACE = re.compile(r"[ \t]*")
_SEPARATOR = re.compile(r"[ \t,]*")


def is_token(text: str) -> bool:
    """Tell whether the text is a token (RFC 9110 section 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


class _Scanner:
    """A place in the value of one header."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text
        self._position = 0

    def at_end(self) -> bool:
        return self._position == len(self._text)

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._position)
        assert match is not None  # these patterns match the empty text
        self._position = match.end()
        return match.group()

    def take(self, character: str) -> bool:
        """Step over the character, with space around it, if it is next."""
        self.skip(_SPACE)
        if self._text[self._position : self._position + 1] != character:
            return False
        self._position += 1
        self.skip(_SPACE)
        return True

    def token(self) -> str:
        match = _TOKEN.match(self._text, self._position)
        if match is None:
            raise self.expected("a token")
        self._position = match.end()
        return match.group()

    def token_or_quoted(self) -> str:
        match = _QUOTED.match(self._text, self._position)
        if match is None:
            return self.token()
        value = _ESCAPED.sub(r"\1", match.group(1))
        # Section 9.1: after unescaping, a quoted value MUST conform to the 'token' ABNF.
        if not is_token(value):
            raise self.expected("a token between the quotes")
        self._position = match.end()
        return value

    def expected(self, what: str) -> InvalidHeaderFormat:
        return InvalidHeaderFormat(self._name, what, self._text, self._position)


def _parse_list(name: str, values: Iterable[str], element: Callable[[_Scanner], _T]) -> list[_T]:
    """Parse a list of elements apart by commas (RFC 9110 section 5.6.1), over all its lines."""
    found: list[_T] = []
    for value in values:
        scanner = _Scanner(name, value)
        # Empty elements are to be ignored, so are the commas around them.
        scanner.skip(_SEPARATOR)
        while not scanner.at_end():
            found.append(element(scanner))
            if "," not in scanner.skip(_SEPARATOR) and not scanner.at_end():
                raise scanner.expected("a comma")
    return found


def parse_tokens(name: str, values: Iterable[str]) -> list[str]:
    """Parse Connection, Upgrade-like or Sec-WebSocket-Protocol headers: a list of tokens.

    Args:
        name: the header, for the error.
        values: its lines, in order.

    Raises:
        InvalidHeaderFormat: something there isn't a token.
    """
    values = list(values)
    if len(values) == 1 and is_token(values[0]):
        # Nearly always, it is one line, and one token.
        return values
    return _parse_list(name, values, _Scanner.token)


def _extension(scanner: _Scanner) -> Extension:
    name = scanner.token()
    parameters: list[tuple[str, str | None]] = []
    while scanner.take(";"):
        parameter = scanner.token()
        parameters.append((parameter, scanner.token_or_quoted() if scanner.take("=") else None))
    return name, parameters


def parse_extensions(values: Iterable[str]) -> list[Extension]:
    """Parse Sec-WebSocket-Extensions (section 9.1).

    Args:
        values: its lines, in order.

    Raises:
        InvalidHeaderFormat: it doesn't follow the grammar.
    """
    return _parse_list("Sec-WebSocket-Extensions", values, _extension)
