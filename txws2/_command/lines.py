"""Lines from data that arrives in pieces."""

from __future__ import annotations

__all__ = ["Lines"]


class Lines:
    """Splits data into lines; it reads each byte once, even of a very long line."""

    def __init__(self) -> None:
        # The pieces of the line that has begun.
        self._begun: list[bytes] = []

    def receive(self, data: bytes) -> list[bytes]:
        """Take a piece of data; return the lines that end in it, without their newlines."""
        first, *others = data.split(b"\n")
        self._begun.append(first)
        if not others:
            return []
        lines = [b"".join(self._begun), *others]
        self._begun = [lines.pop()]
        return lines

    def end(self) -> bytes:
        """Return the last line, which has no newline; it is empty if there is none."""
        rest = b"".join(self._begun)
        self._begun = []
        return rest
