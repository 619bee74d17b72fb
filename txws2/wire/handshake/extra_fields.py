"""The headers that a user adds to the request: their forms, and the rules for sending them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from txws2.wire.exceptions import InvalidHeader
from txws2.wire.http.fields import Headers
from txws2.wire.http.grammar import is_token

__all__ = ["HeadersLike", "add_header", "add_headers", "repeatable", "without_credentials"]


class _Raw(Protocol):
    # Our own Headers have this method, and those of twisted.web.
    def getAllRawHeaders(self) -> Iterable[tuple[bytes, Sequence[bytes]]]: ...


HeadersLike = Mapping[str, str] | Iterable[tuple[str, str]] | _Raw | None
"""Headers as a user gives them: a mapping, or pairs if a name occurs more than once."""

# RFC 9110 section 5.5 allows bytes of other charsets, too. Why not send them: one server reads them
# as UTF-8, another as Latin-1, and a third refuses them.
_NOT_IN_VALUES = re.compile(r"[^\t\x20-\x7e]")

# The headers of the handshake itself, and those that announce a body. A second one would contradict
# the first.
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

# The headers with a single value (RFC 9110 sections 11.6.2 and 10.1.5, RFC 6454 section 7.3). If
# one occurs twice, some servers take the first value, and some the last.
_SINGLE = {"authorization", "origin", "user-agent"}

# The headers with credentials, which are for one origin only. RFC 9110 section 15.4 has a client
# consider removing them from a request that it redirects.
_CREDENTIALS = {"authorization", "cookie", "proxy-authorization"}


def repeatable(headers: HeadersLike) -> HeadersLike:
    """Return headers that can be sent again and again.

    A mapping is returned itself. An application may change it between two attempts.

    Raises:
        TypeError: `headers` is neither a mapping nor pairs.
    """
    if headers is None:
        return ()
    if hasattr(headers, "getAllRawHeaders") or hasattr(headers, "items"):
        return headers
    if isinstance(headers, (str, bytes)) or not isinstance(headers, Iterable):
        raise _no_headers(headers)
    return tuple(headers)


def add_headers(headers: Headers, additional: HeadersLike) -> None:
    """Add the headers of a user to those of a request.

    A header with a single value replaces the one that is there already; only Origin doesn't.

    Raises:
        InvalidHeader: a header can't be sent, or occurs twice.
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
    """Add a header, after a check of its value.

    Raises:
        InvalidHeader: the value has a character in it that can't be sent.
        TypeError: the value isn't a str.
    """
    if not isinstance(value, str):
        raise TypeError(f"the value of {name} must be a str; {_kind(value)}")
    # RFC 9110 section 5.5: "Field values containing CR, LF, or NUL characters are invalid and
    # dangerous". They would begin a header, or a request, that somebody else has chosen.
    wrong = _NOT_IN_VALUES.search(value)
    if wrong is not None:
        # The value itself may be a secret, so only this character is shown.
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
        # `add_header` finds the bytes that no header may have.
        for name, values in additional.getAllRawHeaders():
            for value in values:
                yield name.decode("latin-1"), value.decode("latin-1")
        return
    for pair in additional.items() if hasattr(additional, "items") else additional:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            # A str of two characters could be unpacked like a pair, too.
            raise _no_headers(pair)
        yield pair[0], pair[1]


def _no_headers(given: object) -> TypeError:
    kind = type(given).__name__
    return TypeError(f"additional_headers is a mapping, or pairs, of strings; there is a {kind}")


def _kind(given: object) -> str:
    """Return words that name the type of an object, and advise what to do."""
    # The object itself may be a secret, so it isn't shown.
    if given is None:
        return "it is None: leave the header out"
    if isinstance(given, bytes):
        return "it is bytes: decode it"
    if isinstance(given, (list, tuple, set)):
        kind = type(given).__name__
        return f"it is a {kind}: give pairs of name and value, one for each value"
    return f"it is {type(given).__name__}: give str() of it"
