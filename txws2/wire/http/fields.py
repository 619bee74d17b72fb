"""Header fields (RFC 9110 section 5): the lines of a head after its first line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, overload

from txws2.wire.exceptions import InvalidHeader, InvalidMessage
from txws2.wire.http.credentials import masked

__all__ = ["HEADER_LINES", "Fields", "Headers", "Lookup", "parse_headers", "wrong_header"]

# Section 5.1: field-name = token. Section 5.6.2 has the characters of a token.
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# Section 5.5: visible characters, spaces, tabs, and obs-text, which stands for other charsets.
# "Field values containing CR, LF, or NUL characters are invalid and dangerous, due to the varying
# ways that implementations might parse and interpret those characters".
_VALUE = rb"[\t\x20-\x7e\x80-\xff]*"
# RFC 9112 section 5.1: "No whitespace is allowed between the field name and colon." Section 5.2: a
# server that receives a folded line "MUST either reject the message" or replace the fold; this one
# rejects it. Whitespace in these places has let requests be smuggled.
#
# No character of one part can begin the next part. So there is one way to read a head, and the time
# is linear in the number of bytes. Possessive quantifiers would show this to the reader, but Python
# before 3.11.5 reads a group of them wrongly.
_HEADER_LINE = re.compile(_TOKEN + b":" + _VALUE)
HEADER_LINES = b"(?:\r\n" + _TOKEN + b":" + _VALUE + b")*"
"""A pattern of header lines, each after the end of the line before."""
_HEADER_LINES = re.compile(HEADER_LINES)


class Lookup:
    """Header fields that can be read as a mapping of str to str.

    `headers["Cookie"]` is the value of a header that occurs once. If a header occurs on several
    lines, their values are joined by ", ". `get_all(name)` has them apart.
    """

    # Section 5.3: "A recipient MAY combine multiple field lines within a field section that have
    # the same field name into one field line". It also has the reason to keep their order: "The
    # order in which field lines with the same name are received is therefore significant".
    __slots__ = ()

    def get_all(self, name: str) -> list[str]:
        """Return the header's values in order; an empty list if the header isn't there."""
        raise NotImplementedError

    @overload
    def get(self, name: str) -> str | None: ...

    @overload
    def get(self, name: str, default: str) -> str: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the header's value, or the default if the header isn't there."""
        values = self.get_all(name)
        return ", ".join(values) if values else default

    def said(self, names: Sequence[str]) -> tuple[object, ...]:
        """Return the values of these headers, in a form that can be compared and kept.

        The names are in lower case.
        """
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

    Names are compared without regard to case, and sent as they were spelled first. The methods that
    change the fields have the names of those of twisted.web's Headers, and take str or bytes.

    Args:
        headers: the values of each name.

    Raises:
        InvalidHeader: a name isn't a token.
    """

    # RFC 6455 section 4.1: "all header field names in both HTTP requests and HTTP responses are
    # case-insensitive." Why not send them in lower case: some proxies and devices expect the usual
    # spelling.
    __slots__ = ("_fields",)

    def __init__(self, headers: Mapping[str, Sequence[str]] | None = None) -> None:
        # The key is the name in lower case, since names are compared without regard to case.
        self._fields: dict[str, tuple[str, list[bytes]]] = {}
        for name, values in (headers or {}).items():
            self.setRawHeaders(name, values)

    def addRawHeader(self, name: str | bytes, value: str | bytes) -> None:
        """Add a value to the values of a name; a str is sent as UTF-8."""
        spelled, key = _spelling(name)
        if key in self._fields:
            self._fields[key][1].append(_encoded(value))
        else:
            self._fields[key] = spelled, [_encoded(value)]

    def setRawHeaders(self, name: str | bytes, values: Iterable[str | bytes]) -> None:
        """Replace the values of a name."""
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
        """Return a copy with the same names and values."""
        copied = Headers()
        for name, values in self.getAllRawHeaders():
            copied.setRawHeaders(name, values)
        return copied

    def get_all(self, name: str) -> list[str]:
        """Return the header's values in order; an empty list if the header isn't there."""
        # Section 5.5 calls other charsets than US-ASCII opaque data. Most of them are UTF-8 by now;
        # other bytes are replaced, so that every value is a str.
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
        # A repr gets into logs and tracebacks, where no credentials belong.
        shown = {name: [masked(name, value) for value in self.get_all(name)] for name in self}
        return f"Headers({shown})"

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._fields.values())


class Fields(Lookup):
    """The header fields of a received head, to be read only.

    Making them takes a fraction of the time that Headers take, which check and encode each value.

    Args:
        values: the values by the name in lower case: a str for a header that occurs once, a tuple
            of str for others.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str | tuple[str, ...]]) -> None:
        self._values = values

    def get_all(self, name: str) -> list[str]:
        """Return the header's values in order; an empty list if the header isn't there."""
        value = self._values.get(name.lower())
        if isinstance(value, str):
            return [value]
        return [] if value is None else [*value]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the header's value, or the default if the header isn't there."""
        value = self._values.get(name.lower(), default)
        return ", ".join(value) if isinstance(value, tuple) else value

    def said(self, names: Sequence[str]) -> tuple[object, ...]:
        """Return the values of these headers, in a form that can be compared and kept.

        The names are in lower case.
        """
        return tuple(map(self._values.get, names))

    def __getitem__(self, name: str) -> str:
        value = self._values.get(name.lower())
        return value if isinstance(value, str) else super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values


def _text(name: str | bytes) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else name


@lru_cache(256)
def _spelling(name: str | bytes) -> tuple[str, str]:
    """Return a name as it is spelled, and in lower case."""
    # An application uses few names, many times; so the results are cached.
    text = _text(name)
    if not _NAME.fullmatch(text):
        raise InvalidHeader(text, "the name isn't a token")
    return text, text.lower()


def _encoded(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def parse_headers(head: bytes) -> Headers:
    """Return the headers of a head.

    Args:
        head: its lines, as they came.

    Raises:
        InvalidMessage: a line isn't a header.
    """
    headers = Headers()
    # `_header_lines` has checked that each name is a token, so they aren't checked again.
    fields, lines = headers._fields, _header_lines(head)
    for line in lines.split(b"\r\n") if lines else ():
        start, _, value = line.partition(b":")
        # RFC 9112 section 5.1: "The field line value does not include that leading or trailing
        # whitespace".
        name = start.decode("ascii")
        fields.setdefault(name.lower(), (name, []))[1].append(value.strip(b" \t"))
    return headers


def _header_lines(head: bytes) -> bytes:
    """Return the lines after the first, once all of them are found to be headers."""
    start = head.find(b"\r\n")
    if start < 0:
        return b""
    if not _HEADER_LINES.fullmatch(head, start):
        raise wrong_header(head[start + 2 :])
    return head[start + 2 :]


def wrong_header(lines: bytes) -> InvalidMessage:
    """Return the exception for header lines; it names the first malformed line."""
    wrong = next(line for line in lines.split(b"\r\n") if not _HEADER_LINE.fullmatch(line))
    return InvalidMessage(f"invalid header line: {wrong[:80]!r}")
