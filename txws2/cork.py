"""What keeps frames, so that they leave in one piece."""

from __future__ import annotations

from txws2.speedups import accelerated

__all__ = ["BATCH_SIZE", "Cork"]

BATCH_SIZE = 64 * 1024
"""Bytes that are worth a write of their own."""


@accelerated
class Cork:
    """Frames that are to leave together.

    Attributes:
        corked: whether what is written now is to be added to them.
    """

    __slots__ = ("_frames", "_size", "corked")

    def __init__(self) -> None:
        self.corked = False
        self._frames: list[bytes] | None = None
        self._size = 0

    def add(self, frame: bytes, /) -> int:
        """Add a frame; return how many bytes there are now."""
        self._size += len(frame)
        if self._frames is None:
            self._frames = []
        self._frames.append(frame)
        return self._size

    def take(self) -> bytes:
        """Return them all, b"" if there are none; none is left."""
        if self._frames is None:
            return b""
        data = b"".join(self._frames)
        self._frames = None
        self._size = 0
        return data
