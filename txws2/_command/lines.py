"""Lines of what arrives in pieces."""

from __future__ import annotations

__all__ = ["Lines"]


class Lines:
    """Cuts what arrives into lines; no byte is looked at twice, however long a line is."""

    def __init__(self) -> None:
        # The line that has begun, in the pieces that it came in.
        self._begun: list[bytes] = []

    def receive(self, data: bytes) -> list[bytes]:
        """Take what has arrived; return the lines that end in it, without their newlines."""
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
