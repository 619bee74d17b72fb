"""The grammar of the opening handshake's header fields (RFC 6455 sections 4.3 and 9.1).

Every parser walks its text once, from left to right, with patterns that can't backtrack. So the
time is linear in the number of bytes, whatever a peer sends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from txws2.wire.exceptions import InvalidHeaderFormat

__all__ = ["Extension", "is_token", "parse_extensions", "parse_tokens"]

Extension = tuple[str, list[tuple[str, str | None]]]
"""An extension's name and its parameters in order; the value of a parameter may be None."""

_T = TypeVar("_T")

# RFC 9110 section 5.6.2: a token has letters, digits, and these characters. Section 5.6.4 has the
# quoted-string: qdtext, and quoted pairs of a backslash and a character.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_QUOTED = re.compile(r'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t -~])*)"')
_ESCAPED = re.compile(r"\\(.)")
_SPACE = re.compile(r"[ \t]*")
_SEPARATOR = re.compile(r"[ \t,]*")


def is_token(text: str) -> bool:
    """Tell whether the text is a token (RFC 9110 section 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


class _Scanner:
    """A position in the value of one header."""

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
        """Step over a character, with space around it, if it is next."""
        # RFC 6455 section 9.1 has "the "implied *LWS rule"": space is allowed between two parts.
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
        # RFC 9110 section 5.6.4: a quoted pair is handled "as if it were replaced by the octet
        # following the backslash."
        value = _ESCAPED.sub(r"\1", match.group(1))
        # RFC 6455 section 9.1: "When using the quoted-string syntax variant, the value after
        # quoted-string unescaping MUST conform to the 'token' ABNF."
        if not is_token(value):
            raise self.expected("a token between the quotes")
        self._position = match.end()
        return value

    def expected(self, what: str) -> InvalidHeaderFormat:
        return InvalidHeaderFormat(self._name, what, self._text, self._position)


def _parse_list(name: str, values: Iterable[str], element: Callable[[_Scanner], _T]) -> list[_T]:
    """Parse a list of elements between commas (RFC 9110 section 5.6.1), over all its lines.

    A malformed element raises an exception. RFC 6455 section 9.1: the recipient "MUST immediately
    _Fail the WebSocket Connection_."
    """
    found: list[_T] = []
    for value in values:
        scanner = _Scanner(name, value)
        # RFC 9110 section 5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty
        # list elements". The limit of a header line is the limit here.
        scanner.skip(_SEPARATOR)
        while not scanner.at_end():
            found.append(element(scanner))
            if "," not in scanner.skip(_SEPARATOR) and not scanner.at_end():
                raise scanner.expected("a comma")
    return found


def parse_tokens(name: str, values: Iterable[str]) -> list[str]:
    """Parse a header that is a list of tokens, as Connection and Sec-WebSocket-Protocol are.

    Args:
        name: the name of the header, for the exception.
        values: its lines, in order.

    Raises:
        InvalidHeaderFormat: an element isn't a token.
    """
    values = list(values)
    if len(values) == 1 and is_token(values[0]):
        # Nearly always, a header has one line with one token.
        return values
    return _parse_list(name, values, _Scanner.token)


def _extension(scanner: _Scanner) -> Extension:
    # Section 9.1: extension = extension-token *( ";" extension-param ), and extension-param = token
    # [ "=" (token | quoted-string) ].
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
        InvalidHeaderFormat: a value doesn't follow the grammar.
    """
    # Section 9.1: "like other HTTP header fields, this header field MAY be split or combined across
    # multiple lines."
    return _parse_list("Sec-WebSocket-Extensions", values, _extension)
