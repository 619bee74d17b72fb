"""The heads of HTTP/1.1 (RFC 9112), read as they arrive, within limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from txws2._accelerator import PURE, accelerated
from txws2.wire.exceptions import (
    HeaderLineTooLong,
    InvalidMessage,
    RequestLineTooLong,
    SecurityError,
    StatusLineTooLong,
    TooManyHeaders,
)
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.request_heads import Split

__all__ = [
    "DEFAULT_LIMITS",
    "MAX_HEADERS",
    "MAX_LINE_SIZE",
    "HeadLimits",
    "RequestReader",
    "ResponseReader",
    "end_of_head",
    "read_request",
]

# This is the limit of Apache, and half of nginx's. Section 3: "It is RECOMMENDED that all HTTP
# senders and recipients support, at a minimum, request-line lengths of 8000 octets."
MAX_LINE_SIZE = 8192
"""The default limit of the first line, and of each header line, in bytes."""
# This is the limit of the library websockets; Apache's is 100.
MAX_HEADERS = 128
"""The default limit of the number of header lines."""

# More interim responses than libcurl and browsers see in practice: a 100, a 103 or two, some 102
# while a server works. Endless ones would keep the client busy for as long as the server likes.
_MAX_INTERIM = 16
_MAX_INTERIM_SIZE = 64 * 1024

# Section 2.2: "a server that is expecting to receive and parse a request-line SHOULD ignore at
# least one empty line (CRLF) received prior to the request-line." Old clients send it after a
# body.
_MAX_EMPTY_LINES = 4


class HeadLimits(NamedTuple):
    """The limits of a head.

    Attributes:
        line_size: the limit of the first line, and of each header line, in bytes.
        headers: the limit of the number of header lines.
    """

    line_size: int = MAX_LINE_SIZE
    headers: int = MAX_HEADERS


DEFAULT_LIMITS = HeadLimits()
"""The limits that hold unless an option sets others."""

# A TLS handshake begins with this byte (RFC 8446 section 5.1), and no method of HTTP does.
_TLS = b"\x16"
_EXPECTED_PLAIN = "expected a request, got TLS: connect to ws:, or serve with TLS"


@accelerated
def end_of_head(data: bytes, size: int, count: int, /) -> int:
    """Find the end of a head that is all there, and in which each line ends in CRLF.

    Args:
        data: begins with the head.
        size: the limit of the head, with the empty line that ends it, in bytes.
        count: the limit of the number of header lines.

    Returns:
        The end of its last line; -1 if it is anything else, or begins with an empty line.
    """
    end = data.find(b"\r\n\r\n", 0, size)
    if end < 0 or data.startswith(b"\r\n"):
        return -1
    whole = data.count(b"\n", 0, end) == data.count(b"\r\n", 0, end) <= count
    return end if whole else -1


@accelerated
def read_request(
    data: bytes, size: int, count: int, /
) -> tuple[bytes, bytes, str, str, dict[str, str | tuple[str, ...]]] | None:
    """Read a request of the usual kind, whose head is all there.

    Args:
        data: begins with the head.
        size: the limit of the head, with the empty line that ends it, in bytes.
        count: the limit of the number of header lines.

    Returns:
        The lines of the head without the end of the last one, the bytes after the head, the method,
        the target and the values of the headers as in `split_request`; None if a line doesn't end
        in CRLF or is malformed, the protocol isn't HTTP/1.1, or the target isn't a path.
    """
    # All of it is in Python, so that `make twins` compares all of it with C.
    end: int = PURE["end_of_head"](data, size, count)
    split: Split | None = None if end < 0 else PURE["split_request"](data[:end])
    if split is None:
        return None
    method, target, protocol, values = split
    if protocol != "HTTP/1.1" or target[0] != "/" or "#" in target:
        return None
    return bytes(data[:end]), bytes(data[end + 4 :]), method, target, values


class _HeadReader:
    """Gathers the lines of a head as they arrive, within limits.

    A line that is too long is refused while it arrives. A head with too many lines is refused at
    the first line above the limit. No byte is looked at twice.
    """

    _first_line_error: type[SecurityError]
    head = rest = b""
    # The number of empty lines before the first one that may still be skipped.
    _skippable = 0

    # True if a part of a head has come: then there are lines, and a line.
    _begun = False

    def __init__(self, limits: HeadLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits

    def _gather(self, data: bytes) -> bool:
        """Take bytes; tell whether the head is whole. If so, it is there, and `rest` after it."""
        if not self._begun:
            # Nearly every head is there at once.
            end = end_of_head(data, *self._limits)
            if end >= 0:
                self.head, self.rest = data[:end], data[end + 4 :]
                return True
            self._begun = bool(data)
            self._lines: list[bytes] = []
            self._line = bytearray()
        position = 0
        while (newline := data.find(b"\n", position)) >= 0:
            self._line += data[position : newline + 1]
            position = newline + 1
            if self._end_line():
                self.head, self.rest = b"\r\n".join(self._lines), data[position:]
                return True
        self._line += data[position:]
        self._check_size()
        return False

    def _end_line(self) -> bool:
        """Take a line whose end has come; tell whether it ends the head."""
        self._check_size()
        # Section 2.2: "a recipient MAY recognize a single LF as a line terminator and ignore any
        # preceding CR." Why not here: parsers that disagree about it have let requests be smuggled.
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
        limits: the limits of the head.

    Attributes:
        head: the lines of the head as they came, once it is whole.
        rest: the bytes after the head, once it is whole.
    """

    _first_line_error = RequestLineTooLong
    _skippable = _MAX_EMPTY_LINES

    def receive(self, data: bytes) -> Request | None:
        """Take bytes that have arrived; return the request, or None until its head is whole.

        Raises:
            InvalidMessage: the head isn't HTTP.
            InvalidProtocol: its version isn't HTTP/1.1 or HTTP/1.0.
            SecurityError: it exceeds a limit.
        """
        if not self._begun:
            # Nearly every head is there at once. This way saves 4 us of the 50 that a handshake
            # takes (benchmarks/micro/test_heads.py).
            usual = read_request(data, *self._limits)
            if usual is not None:
                self.head, self.rest, method, target, values = usual
                return Request.split(self.head, method, target, values)
            if data.startswith(_TLS):
                # The bytes of TLS may have no end of a line. Without this check, the reader would
                # wait for one until the time is up, and nobody would know the reason.
                raise InvalidMessage(_EXPECTED_PLAIN)
        if not self._gather(data):
            return None
        return Request.received(self.head)


class ResponseReader(_HeadReader):
    """Reads a response's head as it arrives, and skips the interim responses before it.

    Args:
        limits: the limits of a head.
        skipped: called with each head that is skipped, its lines as they came.

    Attributes:
        head: the lines of the head as they came, once it is whole.
        rest: the bytes after the head, once it is whole.
    """

    _first_line_error = StatusLineTooLong
    # The number of interim responses so far, and of their bytes.
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
        """Take bytes that have arrived; return the response, or None until its head is whole.

        Raises:
            InvalidMessage: the head isn't HTTP.
            InvalidProtocol: its version isn't HTTP/1.1; a refusal may also be HTTP/1.0.
            SecurityError: the head, or the interim responses together, exceed a limit.
        """
        # RFC 9110 section 15.2: "A client MUST be able to parse one or more 1xx responses received
        # prior to a final response, even if the client does not expect one." 101 ends HTTP, so it
        # is final here.
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
        self._begun = False
