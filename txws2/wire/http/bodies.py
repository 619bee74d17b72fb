"""The body of a response that refuses the handshake (RFC 9112 sections 6 and 7)."""

from __future__ import annotations

import re

from txws2.wire.http.heads import Response
from txws2.wire.http.readers import MAX_LINE_SIZE

__all__ = ["BODY_PATIENCE", "MAX_BODY_SIZE", "BodyReader"]

MAX_BODY_SIZE = 2**20
"""Bytes of a body that are kept; the rest isn't waited for."""

BODY_PATIENCE = 1.0
"""Seconds that are waited for the end of a body, once the head is there."""

_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")


class BodyReader:
    """Gathers the body that follows a response's head.

    What is malformed ends the body: it is only there to be shown to somebody.

    Args:
        response: the head.

    Attributes:
        complete: whether nothing more is to come; until then it may end with the connection.
        ended: whether its own end has come, with all that belongs to it; so another response can
            follow it.
        rest: the bytes after that end, of what was received last.
    """

    def __init__(self, response: Response) -> None:
        self._body = bytearray()
        self._chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
        # Bytes of the body, or of the current chunk, to come; None for all until the end.
        self._remaining: int | None = None
        # The beginning of a line before a chunk, or of the trailer.
        self._line = bytearray()
        self._in_trailer = False
        length = response.headers.get("Content-Length", "")
        if self._chunked:
            self._remaining = 0
        elif _LENGTH.fullmatch(length):
            self._remaining = int(length)
        # RFC 9110 sections 15.3.5 and 15.4.5: 204 and 304 never have one, nor has 1xx.
        status = response.status_code
        self.complete = (
            status < 200 or status in (204, 304) or (self._remaining == 0 and not self._chunked)
        )
        self.ended = self.complete
        self.rest = b""

    @property
    def can_end(self) -> bool:
        """Whether it has an end of its own, which has come or is still to come."""
        return self.ended or self._in_trailer

    @property
    def body(self) -> bytes:
        """The body so far, at most MAX_BODY_SIZE bytes."""
        return bytes(self._body)

    def receive(self, data: bytes) -> None:
        """Take what has arrived."""
        position = 0
        while position < len(data) and (self._in_trailer or not self.complete):
            if self._chunked and not self._remaining:
                position = self._read_chunk_size(data, position)
            else:
                position = self._read_part(data, position)
        self.rest = data[position:]

    def _read_part(self, data: bytes, position: int) -> int:
        """Keep what belongs to the body; return where it ends."""
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
        """Read the line before a chunk; return where it ends."""
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
            # RFC 9112 section 7.1.2: fields, as after a head, and an empty line.
            self.ended = not line
            self._in_trailer = not self.ended
        elif line:
            # An empty line is the end of the chunk before.
            match = _CHUNK_SIZE.fullmatch(line)
            self._remaining = int(match.group(1), 16) if match else 0
            self.complete = self._remaining == 0
            self._in_trailer = self.complete and match is not None
        return end + 1
