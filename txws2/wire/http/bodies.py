"""The body of a response that refuses the handshake (RFC 9112 sections 6 and 7)."""

from __future__ import annotations

import re

from txws2.wire.http.heads import Response
from txws2.wire.http.readers import MAX_LINE_SIZE

__all__ = ["BODY_PATIENCE", "MAX_BODY_SIZE", "BodyReader"]

MAX_BODY_SIZE = 2**20
"""The number of bytes of a body that are kept; the rest isn't awaited."""

# The body only explains a refusal, which the head has told already. Why not wait longer: a proxy
# that keeps a connection open without an end would keep the client from its next attempt.
BODY_PATIENCE = 1.0
"""The time in seconds to wait for the end of a body, once the head is there."""

# RFC 9110 section 8.6: Content-Length = 1*DIGIT; a recipient "MUST anticipate potentially large
# decimal numerals". A number with more digits than these counts as no length.
_LENGTH = re.compile(r"[0-9]{1,18}")
# RFC 9112 section 7.1.1: "A recipient MUST ignore unrecognized chunk extensions."
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")


class BodyReader:
    """Reads the body that follows a response's head.

    A malformed line ends the body: it is only shown to a person.

    Args:
        response: the head.

    Attributes:
        complete: whether the body needs no more bytes; until then it may end with the connection.
        ended: whether the body's own end has come, trailer included; so another response can
            follow it.
        rest: the bytes after that end, of those that were received last.
    """

    def __init__(self, response: Response) -> None:
        self._body = bytearray()
        # RFC 9112 section 6.3: "If a message is received with both a Transfer-Encoding and a
        # Content-Length header field, the Transfer-Encoding overrides the Content-Length." Other
        # codings aren't decoded: the client asks for none (RFC 9110 section 10.1.4).
        self._chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
        # The number of bytes of the body, or of the current chunk, to come. RFC 9112 section 6.3:
        # in "a response message without a declared message body length", all bytes belong to the
        # body until the connection is closed; that is None here.
        self._remaining: int | None = None
        # The beginning of a line before a chunk, or of a line of the trailer.
        self._line = bytearray()
        self._in_trailer = False
        length = response.headers.get("Content-Length", "")
        if self._chunked:
            self._remaining = 0
        elif _LENGTH.fullmatch(length):
            self._remaining = int(length)
        # RFC 9110 sections 15.2, 15.3.5 and 15.4.5, of 1xx, 204 and 304: such a response "is
        # terminated by the end of the header section; it cannot contain content or trailers."
        status = response.status_code
        self.complete = (
            status < 200 or status in (204, 304) or (self._remaining == 0 and not self._chunked)
        )
        self.ended = self.complete
        self.rest = b""

    @property
    def can_end(self) -> bool:
        """True if the body has an end of its own, which has come or is still to come."""
        return self.ended or self._in_trailer

    @property
    def body(self) -> bytes:
        """The bytes of the body so far, at most MAX_BODY_SIZE."""
        return bytes(self._body)

    def receive(self, data: bytes) -> None:
        """Take the bytes that have arrived."""
        position = 0
        while position < len(data) and (self._in_trailer or not self.complete):
            if self._chunked and not self._remaining:
                position = self._read_chunk_size(data, position)
            else:
                position = self._read_part(data, position)
        self.rest = data[position:]

    def _read_part(self, data: bytes, position: int) -> int:
        """Keep the bytes that belong to the body; return the position at which they end."""
        size = len(data) - position
        if self._remaining is not None:
            size = min(size, self._remaining)
            self._remaining -= size
        room = MAX_BODY_SIZE - len(self._body)
        self._body += data[position : position + min(size, room)]
        self.ended = self._remaining == 0 and not self._chunked
        self.complete = size >= room or self.ended
        return position + size

    def _read_chunk_size(self, data: bytes, position: int) -> int:
        """Read the line before a chunk, or of the trailer; return the position at which it ends."""
        newline = data.find(b"\n", position)
        end = len(data) if newline < 0 else newline
        self._line += data[position:end]
        if len(self._line) > MAX_LINE_SIZE:
            self.complete, self._in_trailer = True, False
            return end
        if newline < 0:
            return end
        line = bytes(self._line).removesuffix(b"\r")
        self._line.clear()
        if self._in_trailer:
            # RFC 9112 section 7.1.2: the trailer has fields, as a head has, and an empty line. A
            # recipient may discard the fields, and this one does.
            self.ended = not line
            self._in_trailer = not self.ended
        elif line:
            # RFC 9112 section 7.1: chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF. An empty
            # line is the end of the chunk before. A size of 0 is the last chunk.
            match = _CHUNK_SIZE.fullmatch(line)
            self._remaining = int(match.group(1), 16) if match else 0
            self.complete = self._remaining == 0
            self._in_trailer = self.complete and match is not None
        return end + 1
