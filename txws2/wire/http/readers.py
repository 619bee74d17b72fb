"""Heads of HTTP/1.1 (RFC 9112) as they arrive, within limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from txws2.wire.exceptions import (
    HeaderLineTooLong,
    InvalidMessage,
    RequestLineTooLong,
    SecurityError,
    StatusLineTooLong,
    TooManyHeaders,
)
from txws2.wire.http.heads import Request, Response

__all__ = [
    "DEFAULT_LIMITS",
    "MAX_HEADERS",
    "MAX_LINE_SIZE",
    "HeadLimits",
    "RequestReader",
    "ResponseReader",
]

# The limits of Apache, and half of nginx's: RFC 9112 section 3 recommends 8000 bytes at least.
MAX_LINE_SIZE = 8192
"""Bytes that the first line, and each header line, may have, unless an option says otherwise."""
MAX_HEADERS = 128
"""Header lines that a head may have, unless an option says otherwise."""

# As many as libcurl and browsers see in practice, and more: a 100, a 103 or two, some 102 while a
# server works. Endless ones would keep us busy for as long as the server likes.
_MAX_INTERIM = 16
_MAX_INTERIM_SIZE = 64 * 1024

# RFC 9112 section 2.2 has a server skip one at least; old clients send it after a body.
_MAX_EMPTY_LINES = 4


class HeadLimits(NamedTuple):
    """What a head may have.

    Attributes:
        line_size: bytes of the first line, and of each header line.
        headers: header lines.
    """

    line_size: int = MAX_LINE_SIZE
    headers: int = MAX_HEADERS


DEFAULT_LIMITS = HeadLimits()
"""Those that hold where no option says otherwise."""

# With this byte, its handshake begins (RFC 8446 section 5.1), and no method of HTTP.
_TLS = b"\x16"
_EXPECTED_PLAIN = "expected a request, got TLS: connect to ws:, or serve with TLS"


class _HeadReader:
    """Gathers the lines of a head as they arrive, within limits.

    A line that is too long is refused while it arrives, a head with too many at the one that
    is too much, and no byte is looked at twice.
    """

    _first_line_error: type[SecurityError]
    rest = b""
    _head = b""
    # Empty lines before the first that may still be skipped.
    _skippable = 0

    def __init__(self, limits: HeadLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._lines: list[bytes] = []
        self._line = bytearray()

    @property
    def head(self) -> bytes:
        """The lines so far, as they came."""
        return self._head or b"\r\n".join(self._lines)

    def _gather(self, data: bytes) -> bool:
        """Take what has arrived; tell whether the head is whole. Then `rest` is what follows."""
        if not (self._line or self._lines) and self._take_whole(data):
            return True
        position = 0
        while (newline := data.find(b"\n", position)) >= 0:
            self._line += data[position : newline + 1]
            position = newline + 1
            if self._end_line():
                self.rest = data[position:]
                return True
        self._line += data[position:]
        self._check_size()
        return False

    def _take_whole(self, data: bytes) -> bool:
        """Take a head that is there at once and in which no line can be wrong, as nearly always.

        It saves 3.2 us of the 61 that a handshake takes, and 6.6 with the header fields of a
        browser (benchmarks/micro/test_heads.py).
        """
        most, count = self._limits
        end = data.find(b"\r\n\r\n", 0, most)
        if end < 0 or data[:2] == b"\r\n":
            return False
        if not data.count(b"\n", 0, end) == data.count(b"\r\n", 0, end) <= count:
            return False
        self._head, self.rest = data[:end], data[end + 4 :]
        return True

    def _end_line(self) -> bool:
        """Take the line whose end has come; tell whether it ends the head."""
        self._check_size()
        # RFC 9112 section 2.2 lets a server take a bare LF. Parsers that differ on it have
        # let requests be smuggled, so this one doesn't.
        if not self._line.endswith(b"\r\n"):
            raise InvalidMessage("a line of the head doesn't end in CRLF")
        line = bytes(self._line[:-2])
        self._line.clear()
        if not line and self._lines:
            return True
        if not line and self._skippable:
            self._skippable -= 1
            return False
        self._lines.append(line)
        count = self._limits.headers
        if len(self._lines) > count + 1:
            raise TooManyHeaders(f"the head has more than {count} headers (max_headers)")
        return False

    def _check_size(self) -> None:
        most = self._limits.line_size
        if len(self._line) > most:
            error = HeaderLineTooLong if self._lines else self._first_line_error
            raise error(f"a line of the head exceeds the limit of {most} bytes (max_line_size)")


class RequestReader(_HeadReader):
    """Reads a request's head as it arrives.

    Args:
        limits: what it may have.

    Attributes:
        rest: the bytes after the head, once it is whole.
    """

    _first_line_error = RequestLineTooLong
    _skippable = _MAX_EMPTY_LINES

    def receive(self, data: bytes) -> Request | None:
        """Take what has arrived; return the request, or None until its head is whole.

        Raises:
            InvalidMessage: it isn't HTTP.
            InvalidProtocol: it is another HTTP than 1.1 and 1.0.
            SecurityError: it exceeds a limit.
        """
        if data[:1] == _TLS and self._has_nothing():
            # A line may never end in it, and until the time is up nobody would know what is wrong.
            raise InvalidMessage(_EXPECTED_PLAIN)
        if not self._gather(data):
            return None
        return Request.received(self.head)

    def _has_nothing(self) -> bool:
        """Tell whether nothing has come, not even an empty line."""
        return not (self._lines or self._line) and self._skippable == _MAX_EMPTY_LINES


class ResponseReader(_HeadReader):
    """Reads a response's head as it arrives, and skips those before it that are interim.

    Args:
        limits: what a head may have.
        skipped: called with each head that is skipped, the lines as they came.

    Attributes:
        rest: the bytes after the head, once it is whole.
    """

    _first_line_error = StatusLineTooLong
    # Interim responses so far, and their bytes.
    _interim = 0
    _interim_size = 0

    def __init__(
        self,
        limits: HeadLimits = DEFAULT_LIMITS,
        skipped: Callable[[bytes], object] | None = None,
    ) -> None:
        super().__init__(limits)
        self._skipped = skipped

    def receive(self, data: bytes) -> Response | None:
        """Take what has arrived; return the response, or None until its head is whole.

        RFC 9110 section 15.2: a client MUST be able to parse one or more interim responses,
        even if it doesn't expect them. 101 is final: what follows isn't HTTP any more.

        Raises:
            InvalidMessage: it isn't HTTP.
            InvalidProtocol: it is another HTTP than 1.1, or than 1.0 if it refuses.
            SecurityError: it exceeds a limit, or so do the interim responses.
        """
        while self._gather(data):
            response = Response.received(self.head)
            if response.status_code == 101 or response.status_code >= 200:
                return response
            self._skip()
            data, self.rest = self.rest, b""
        return None

    def _skip(self) -> None:
        """Begin with the next head."""
        head = self.head
        self._interim += 1
        self._interim_size += len(head)
        if self._interim > _MAX_INTERIM or self._interim_size > _MAX_INTERIM_SIZE:
            raise SecurityError(
                f"more than {_MAX_INTERIM} interim responses (1xx), or {_MAX_INTERIM_SIZE} bytes "
                "of them, came before the answer"
            )
        if self._skipped is not None:
            self._skipped(head)
        self._head = b""
        self._lines = []
