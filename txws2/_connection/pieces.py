"""Parts of a message, as `recv_streaming` takes them."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from txws2._deferreds.lean import Incoming, Source

__all__ = ["PartDeferred", "Piece", "Stream"]


class Piece(NamedTuple):
    """A part of a message, and whether it is the last."""

    data: str | bytes
    last: bool


class Stream(Protocol):
    """Who wants a message in parts.

    Attributes:
        taken: whether it has had one.
        kept: one that it was given, and hasn't had.
    """

    taken: bool
    kept: Piece | None


class PartDeferred(Incoming):
    """A Deferred of the next part of a message."""

    def __init__(self, inbox: Source, stream: Stream) -> None:
        super().__init__(lambda _: inbox.cancel_reader())
        self.source = inbox
        self._stream = stream

    def withdraw(self, result: Piece) -> None:
        """Keep a part for the stream that has begun with this message."""
        if result.last and not self._stream.taken:
            super().withdraw(result)
        else:
            self._stream.kept = result
