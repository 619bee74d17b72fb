"""The challenges of a 401 or a 407: WWW-Authenticate, Proxy-Authenticate (RFC 9110 section 11)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["Challenge", "parse_challenges"]

# Section 11.3: challenge = auth-scheme [ 1*SP ( token68 / #auth-param ) ]. No character of one part
# of a pattern can begin the next part, so the time is linear in the number of bytes.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_QUOTED = re.compile(r'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t -~])*)"')
_ESCAPED = re.compile(r"\\(.)")
_TOKEN68 = re.compile(r"[0-9A-Za-z\-._~+/]+=*")
_SPACE = re.compile(r"[ \t]*")
_SEPARATOR = re.compile(r"[ \t,]*")


@dataclass(frozen=True)
class Challenge:
    """One way to authenticate that a server or a proxy offers.

    Attributes:
        scheme: its name as it came: "Basic", "Digest", "Negotiate", in any case of letters.
        parameters: the values by their names in lower case, without quotes. If a name
            occurs twice, the first value counts.
        token: in place of parameters, the data of schemes such as Negotiate; None if there is none.
    """

    # Section 11.2: "each parameter name MUST only occur once per challenge." Why not drop a
    # challenge that breaks this: the user would be left with a 401 that nothing answers.

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """Return the challenges of a header, in order.

    A malformed part ends its line, and the challenges before it count.

    Args:
        values: the header's lines; each may have several challenges.
    """
    # Section 11.6.1 has a challenge list within a list: a comma may part two challenges, or two
    # parameters of one. So the lines aren't joined, and a parser reads them part by part.
    return [challenge for value in values for challenge in _Line(value).challenges()]


class _Line:
    """A position in the value of one header line."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def challenges(self) -> list[Challenge]:
        found = []
        self._skip(_SEPARATOR)
        while (scheme := self._take(_TOKEN)) is not None:
            token = parameters = None
            if self._skip(_SPACE):
                token = self._token68()
            if token is None:
                parameters = self._parameters()
            found.append(Challenge(scheme, parameters or {}, token))
            if not self._at_separator():
                break
            self._skip(_SEPARATOR)
        return found

    def _token68(self) -> str | None:
        """Take a token68, which stands alone after a scheme."""
        # Without a comma or the end after it, the text is the name of a parameter: "realm=..."
        # begins as a token68 does.
        before = self._position
        token = self._take(_TOKEN68)
        if token is not None:
            self._skip(_SPACE)
            if self._at_separator():
                return token
        self._position = before
        return None

    def _parameters(self) -> dict[str, str]:
        """Take parameters; the next scheme has no equals sign after it, and stays."""
        # Section 11.2 allows space around the equals sign, which senders must not write.
        parameters: dict[str, str] = {}
        while True:
            before = self._position
            self._skip(_SEPARATOR)
            name = self._take(_TOKEN)
            self._skip(_SPACE)
            value = None
            if name is not None and self._text.startswith("=", self._position):
                self._position += 1
                self._skip(_SPACE)
                value = self._value()
            if name is None or value is None:
                self._position = before
                return parameters
            parameters.setdefault(name.lower(), value)
            self._skip(_SPACE)
            if not self._at_separator():
                return parameters

    def _value(self) -> str | None:
        match = _QUOTED.match(self._text, self._position)
        if match is None:
            return self._take(_TOKEN)
        self._position = match.end()
        # Section 5.6.4: "Recipients that process the value of a quoted-string MUST handle a
        # quoted-pair as if it were replaced by the octet following the backslash."
        return _ESCAPED.sub(r"\1", match[1])

    def _at_separator(self) -> bool:
        return self._position == len(self._text) or self._text[self._position] == ","

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._position)
        assert match is not None  # these patterns match the empty text
        self._position = match.end()
        return match.group()

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self._text, self._position)
        if match is None:
            return None
        self._position = match.end()
        return match.group()
