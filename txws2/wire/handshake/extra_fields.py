"""The headers that a user adds to the request: which forms they have, and which can be sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from txws2.wire.exceptions import InvalidHeader
from txws2.wire.http.fields import Headers
from txws2.wire.http.grammar import is_token

__all__ = ["HeadersLike", "add_header", "add_headers", "repeatable", "without_credentials"]


class _Raw(Protocol):
    # Ours, and those of twisted.web.
    def getAllRawHeaders(self) -> Iterable[tuple[bytes, Sequence[bytes]]]: ...


HeadersLike = Mapping[str, str] | Iterable[tuple[str, str]] | _Raw | None
"""Headers as a user gives them: a mapping, or pairs where a name occurs more than once."""

_NOT_IN_VALUES = re.compile(r"[^\t\x20-\x7e]")

# Those that the handshake itself is made of. Said twice, they would contradict themselves.
_RESERVED = {
    "connection",
    "content-length",
    "host",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "transfer-encoding",
    "upgrade",
}

# Those that say one thing (RFC 9110, RFC 6454 section 7.3). Servers disagree about two of them.
_SINGLE = {"authorization", "origin", "user-agent"}

# Those that are for one origin only (RFC 9110 section 15.4).
_CREDENTIALS = {"authorization", "cookie", "proxy-authorization"}


def repeatable(headers: HeadersLike) -> HeadersLike:
    """Return headers that can be sent again and again; what is in a mapping may change until then.

    Raises:
        TypeError: they are neither a mapping nor pairs.
    """
    if headers is None:
        return ()
    if hasattr(headers, "getAllRawHeaders") or hasattr(headers, "items"):
        return headers
    if isinstance(headers, (str, bytes)) or not isinstance(headers, Iterable):
        raise _no_headers(headers)
    return tuple(headers)


def add_headers(headers: Headers, additional: HeadersLike) -> None:
    """Add what the user wants sent, if it can't be anything but headers.

    A header that can be there only once replaces the one that is there already, but for Origin.

    Raises:
        InvalidHeader: one of them can't be sent, or is there twice.
        TypeError: a name or a value isn't a str.
    """
    names = set()
    for name, value in _pairs(additional):
        key = _checked(name)
        if key in names and key in _SINGLE:
            raise InvalidHeader(name, "it occurs more than once")
        if key in _SINGLE and key not in names and key in headers:
            if key == "origin":
                raise InvalidHeader(name, "there is the option origin, too; give one of the two")
            headers.removeHeader(key)
        names.add(key)
        add_header(headers, name, value)


def add_header(headers: Headers, name: str, value: str) -> None:
    """Add a header if its value can be nothing else.

    Raises:
        InvalidHeader: it has a character in it that can't be sent.
        TypeError: it isn't a str.
    """
    if not isinstance(value, str):
        raise TypeError(f"the value of {name} must be a str; {_kind(value)}")
    # A CR or LF here would begin a header, or a request, of somebody else's choice.
    wrong = _NOT_IN_VALUES.search(value)
    if wrong is not None:
        # The value itself may be a secret.
        where = f"{wrong[0]!r} at {wrong.start()}"
        raise InvalidHeader(name, f"it has a character other than printable ASCII, {where}")
    headers.addRawHeader(name, value)


def without_credentials(additional: HeadersLike) -> HeadersLike:
    """Return the headers that another origin may see, too."""
    return [pair for pair in _pairs(additional) if pair[0].lower() not in _CREDENTIALS]


def _checked(name: str) -> str:
    """Return the name of a header in lower case."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a header must be a str; {_kind(name)}")
    if not is_token(name):
        raise InvalidHeader(name, "the name isn't a token")
    key = name.lower()
    if key in _RESERVED:
        raise InvalidHeader(name, "it belongs to the handshake; it can't be added")
    return key


def _pairs(additional: Any) -> Iterator[tuple[str, str]]:
    if hasattr(additional, "getAllRawHeaders"):
        # Bytes that no header of ours may have are found later on.
        for name, values in additional.getAllRawHeaders():
            for value in values:
                yield name.decode("latin-1"), value.decode("latin-1")
        return
    for pair in additional.items() if hasattr(additional, "items") else additional:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            # A str of two characters would do for a pair, too.
            raise _no_headers(pair)
        yield pair[0], pair[1]


def _no_headers(given: object) -> TypeError:
    kind = type(given).__name__
    return TypeError(f"additional_headers is a mapping, or pairs, of strings; there is a {kind}")


def _kind(given: object) -> str:
    """Say what there is, and what to do; there may be a secret in it, so it isn't shown."""
    if given is None:
        return "it is None: leave the header out"
    if isinstance(given, bytes):
        return "it is bytes: decode it"
    if isinstance(given, (list, tuple, set)):
        kind = type(given).__name__
        return f"it is a {kind}: give pairs of name and value, one for each value"
    return f"it is {type(given).__name__}: give str() of it"
