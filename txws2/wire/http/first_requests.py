"""The beginning of the first request on a connection: whether it is for a WebSocket, and where."""

from __future__ import annotations

import re

__all__ = [
    "asks_for_websocket",
    "has_first_line",
    "is_decided",
    "is_tls",
    "path_of",
    "path_of_target",
]

# A TLS handshake begins with this byte (RFC 8446 section 5.1), and no method of HTTP does.
_TLS = b"\x16"

# RFC 9112 section 2.2: a server "SHOULD ignore at least one empty line (CRLF) received prior to the
# request-line." In these patterns, no character of one part can begin the next part, so the time is
# linear.
_REQUEST_LINE = re.compile(rb"[\r\n]*([^\s]+) ([^\s]+)")
_METHOD = re.compile(rb"[\r\n]*([^\r\n ]{1,4})")
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_BEGINNING = re.compile(rb"[\r\n]*")

# RFC 6455 section 4.2.1, items 3 and 5. Upgrade may be missing, as a proxy in between may have
# removed it: such a client must be told so, and a page would tell it nothing. No page can set a
# header that begins with "Sec-".
_FOR_WEBSOCKET = re.compile(
    rb"\n(?:upgrade[ \t]*:[^\r\n]*websocket|sec-websocket-key[ \t]*:)", re.IGNORECASE
)

_KEY = b"\nSec-WebSocket-Key:"

# RFC 9112 section 3.2.2: absolute-form = absolute-URI.
_ABSOLUTE_FORM = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")


def has_first_line(data: bytes | bytearray) -> bool:
    """Tell whether the first line is there, or will never be, as with TLS."""
    start = _start_of(data)
    return data.find(b"\n", start) >= 0 or is_tls(data)


def is_tls(data: bytes | bytearray) -> bool:
    """Tell whether this is no request, but the beginning of a TLS handshake."""
    return data.startswith(_TLS)


def is_decided(data: bytes | bytearray, known: int) -> bool:
    """Tell whether these bytes are enough for `asks_for_websocket`.

    Args:
        data: the bytes so far.
        known: the number of them that weren't enough.
    """
    if not known and data.startswith(b"GET ") and data.endswith(b"\r\n\r\n"):
        # Nearly every head is there at once, and has no body.
        return True
    # RFC 6455 section 4.2.1, item 1: the method of the handshake is GET. A request with another
    # method may have a body, for whose sake nothing may wait, as with "Expect: 100-continue".
    method = _METHOD.match(data)
    if method is None:
        return False
    if len(method[1]) > 3 or not b"GET".startswith(method[1]):
        return True
    start = max(_start_of(data), known - 2)
    return _END_OF_HEAD.search(data, start) is not None


def asks_for_websocket(data: bytes | bytearray) -> bool:
    """Tell whether a request is for a WebSocket, though perhaps a malformed one.

    Args:
        data: the beginning of the request; header lines that are missing don't count.
    """
    if data.startswith(b"GET ") and 0 < data.find(_KEY) < data.find(b"\r\n\r\n"):
        # Nearly every client writes the header so.
        return True
    line = _REQUEST_LINE.match(data)
    if line is None or line[1] != b"GET":
        return False
    end = _END_OF_HEAD.search(data, line.end())
    # The bytes behind the head may be anything.
    stop = len(data) if end is None else end.start() + 1
    return _FOR_WEBSOCKET.search(data, line.end(), stop) is not None


def path_of(data: bytes | bytearray) -> str:
    """Return the path of a request, perhaps with a query; "/" if there is none."""
    line = _REQUEST_LINE.match(data)
    return path_of_target(b"/" if line is None else line[2])


def path_of_target(target: bytes) -> str:
    """Return the path in the target of a request, perhaps with a query; "/" if there is none."""
    path = target.decode("utf-8", "replace")
    if not path.startswith("/"):
        path = _ABSOLUTE_FORM.sub("", path, count=1)
    return path if path.startswith("/") else "/"


def _start_of(data: bytes | bytearray) -> int:
    """Return the position of the first byte that isn't of an empty line."""
    match = _BEGINNING.match(data)
    assert match is not None
    return match.end()
