"""`Lines` and `Chunks` make messages of the bytes that a program prints."""

from __future__ import annotations

__all__ = ["Chunks", "Lines"]


class Chunks:
    """Makes a binary message of each read.

    Attributes:
        invalid: False, as all bytes are right here.
        too_long: False likewise.
    """

    invalid = too_long = False

    def receive(self, data: bytes) -> list[bytes]:
        """Return the messages."""
        return [data]

    def rest(self) -> list[bytes]:
        """Return the messages that are left at the end."""
        return []


class Lines:
    """Makes a text of each line, without its end, LF or CRLF.

    Bytes that aren't UTF-8 become U+FFFD, as they do in a browser's decoder. RFC 6455 section 8.1
    has a client fail the connection otherwise, so one such byte in a log would end it for all.

    Args:
        limit: the greatest number of bytes of a line; None for no limit.

    Attributes:
        invalid: True once a byte was no UTF-8.
        too_long: True once a line had too many bytes; this line, and what follows, is dropped.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        # The beginning of a line, in the order of its reads. They are joined at its end only, so
        # that a long line that comes in small pieces takes linear time.
        self._pieces: list[bytes] = []
        self._size = 0
        self.invalid = self.too_long = False

    def receive(self, data: bytes) -> list[str]:
        """Return the lines that have come to their ends."""
        end = data.rfind(b"\n") + 1
        if not end or self.too_long:
            self._keep(data)
            return []
        block = data[: end - 1]
        if self._pieces:
            block = b"".join((*self._pieces, block))
            self._pieces, self._size = [], 0
        if self._limit is not None and len(block) > self._limit:
            lines = self._split_up_to(block, self._limit)
        else:
            lines = self._text(block).split("\n")
            if b"\r" in block:
                lines = [line.removesuffix("\r") for line in lines]
        if end < len(data):
            self._keep(data[end:])
        return lines

    def rest(self) -> list[str]:
        """Return the last line, if it has no end."""
        block, self._pieces = b"".join(self._pieces), []
        return [self._text(block)] if block else []

    def _keep(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._limit is not None and self._size > self._limit:
            self.too_long = True
        if self.too_long:
            self._pieces = []

    def _split_up_to(self, block: bytes, limit: int) -> list[str]:
        """Return the lines before the first that is too long."""
        lines = []
        for line in block.split(b"\n"):
            if len(line) > limit:
                self.too_long = True
                break
            lines.append(self._text(line.removesuffix(b"\r")))
        return lines

    def _text(self, block: bytes) -> str:
        try:
            return block.decode()
        except UnicodeDecodeError:
            self.invalid = True
            return block.decode(errors="replace")
