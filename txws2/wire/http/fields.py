"""Header fields (RFC 9110 section 5): what a head has after its first line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, overload

from txws2.wire.exceptions import InvalidHeader, InvalidMessage
from txws2.wire.http.credentials import masked

__all__ = ["HEADER_LINES", "Fields", "Headers", "Lookup", "parse_headers", "wrong_header"]

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# RFC 9110 section 5.5: visible characters, spaces, tabs, and bytes of other charsets.
_VALUE = rb"[\t\x20-\x7e\x80-\xff]*"
# RFC 9112 section 5: no space before the colon, and (5.2) no line folding. As no character of one
# part can begin the next, there is one way to read a head, and the time is linear in what a peer
# sends. Possessive quantifiers would say so to the reader, but Python before 3.11.5 reads a group
# of them wrongly.
_HEADER_LINE = re.compile(_TOKEN + b":" + _VALUE)
HEADER_LINES = b"(?:\r\n" + _TOKEN + b":" + _VALUE + b")*"
"""A pattern of header lines, each after the end of the line before."""
_HEADER_LINES = re.compile(HEADER_LINES)


class Lookup:
    """Header fields that can be read as a mapping of str to str.

    `headers["Cookie"]` is the value of a header that occurs once; of one that occurs on
    several lines, they are joined by ", " (RFC 9110 section 5.3). `get_all(name)` has them
    apart.
    """

    __slots__ = ()

    def get_all(self, name: str) -> list[str]:
        """Return the header's values in order, none if it isn't there."""
        raise NotImplementedError

    @overload
    def get(self, name: str) -> str | None: ...

    @overload
    def get(self, name: str, default: str) -> str: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the header's value, or the default if it isn't there."""
        values = self.get_all(name)
        return ", ".join(values) if values else default

    def said(self, names: Sequence[str]) -> tuple[object, ...]:
        """Return what the headers of these names, in lower case, say; to compare and to keep."""
        return tuple(tuple(self.get_all(name)) for name in names)

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.get_all(name))


class Headers(Lookup):
    """Header fields that can be changed, in the order in which their names were first added.

    Names are compared without regard to case, and sent as they were spelled first. What changes
    the fields has the names that it has in twisted.web's Headers, and takes str or bytes.

    Args:
        headers: the values of each name.

    Raises:
        InvalidHeader: a name isn't a token.
    """

    __slots__ = ("_fields",)

    def __init__(self, headers: Mapping[str, Sequence[str]] | None = None) -> None:
        # By the name in lower case, since that is how names are compared.
        self._fields: dict[str, tuple[str, list[bytes]]] = {}
        for name, values in (headers or {}).items():
            self.setRawHeaders(name, values)

    def addRawHeader(self, name: str | bytes, value: str | bytes) -> None:
        """Add a value to those that a name has; a str is sent as UTF-8."""
        spelled, key = _spelling(name)
        if key in self._fields:
            self._fields[key][1].append(_encoded(value))
        else:
            self._fields[key] = spelled, [_encoded(value)]

    def setRawHeaders(self, name: str | bytes, values: Iterable[str | bytes]) -> None:
        """Give a name these values in place of those that it has."""
        spelled, key = _spelling(name)
        self._fields[key] = spelled, [_encoded(value) for value in values]

    def removeHeader(self, name: str | bytes) -> None:
        """Remove all values of a name, if it has any."""
        self._fields.pop(_text(name).lower(), None)

    def getAllRawHeaders(self) -> Iterator[tuple[bytes, list[bytes]]]:
        """Generate each name with its values, as bytes."""
        for name, values in self._fields.values():
            yield name.encode("ascii"), values

    def copy(self) -> Headers:
        """Return others that say the same."""
        copied = Headers()
        for name, values in self.getAllRawHeaders():
            copied.setRawHeaders(name, values)
        return copied

    def get_all(self, name: str) -> list[str]:
        """Return the header's values in order, none if it isn't there."""
        _, values = self._fields.get(name.lower(), ("", ()))
        return [value.decode(errors="replace") for value in values]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        mine, others = (
            {name: values for name, (_, values) in each._fields.items()} for each in (self, other)
        )
        return mine == others

    def __repr__(self) -> str:
        # Credentials are for the peer's eyes only.
        shown = {name: [masked(name, value) for value in self.get_all(name)] for name in self}
        return f"Headers({shown})"

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._fields.values())


class Fields(Lookup):
    """The header fields of a head that was received, as far as a handshake needs them.

    They are had for a fraction of what Headers cost, which do much to what they are given.

    Args:
        values: by the name in lower case, a str for a header that occurs once, a tuple of them
            for others.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str | tuple[str, ...]]) -> None:
        self._values = values

    def get_all(self, name: str) -> list[str]:
        """Return the header's values in order, none if it isn't there."""
        value = self._values.get(name.lower())
        if isinstance(value, str):
            return [value]
        return [] if value is None else [*value]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the header's value, or the default if it isn't there."""
        value = self._values.get(name.lower(), default)
        return ", ".join(value) if isinstance(value, tuple) else value

    def said(self, names: Sequence[str]) -> tuple[object, ...]:
        """Return what the headers of these names, in lower case, say; to compare and to keep."""
        return tuple(map(self._values.get, names))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values


def _text(name: str | bytes) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else name


@lru_cache(256)
def _spelling(name: str | bytes) -> tuple[str, str]:
    """Return a name as it is spelled, and in lower case; an application uses few, many times."""
    text = _text(name)
    if not _NAME.fullmatch(text):
        raise InvalidHeader(text, "the name isn't a token")
    return text, text.lower()


def _encoded(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def parse_headers(head: bytes) -> Headers:
    """Return the headers of a head, the lines as they came.

    Raises:
        InvalidMessage: one of them isn't a header.
    """
    headers = Headers()
    # All of them are tokens, or else there would be no lines.
    fields, lines = headers._fields, _header_lines(head)
    for line in lines.split(b"\r\n") if lines else ():
        start, _, value = line.partition(b":")
        name = start.decode("ascii")
        fields.setdefault(name.lower(), (name, []))[1].append(value.strip(b" \t"))
    return headers


def _header_lines(head: bytes) -> bytes:
    """Return the lines after the first, all of which are headers."""
    start = head.find(b"\r\n")
    if start < 0:
        return b""
    if not _HEADER_LINES.fullmatch(head, start):
        raise wrong_header(head[start + 2 :])
    return head[start + 2 :]


def wrong_header(lines: bytes) -> InvalidMessage:
    """Return what is wrong with lines of which not all are headers."""
    wrong = next(line for line in lines.split(b"\r\n") if not _HEADER_LINE.fullmatch(line))
    return InvalidMessage(f"invalid header line: {wrong[:80]!r}")
