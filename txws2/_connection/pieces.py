"""Parts of a message, for `recv_streaming`."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from txws2._deferreds.lean import Incoming, Source

__all__ = ["PartDeferred", "Piece", "Stream"]


class Piece(NamedTuple):
    """A part of a message; `last` is True for the last one."""

    data: str | bytes
    last: bool


class Stream(Protocol):
    """A reader that takes a message in parts.

    Attributes:
        taken: True once it has received a part.
        kept: a part that is set aside for it; None if there is none.
    """

    taken: bool
    kept: Piece | None


def _as_last_piece(message: str | bytes) -> Piece:
    return Piece(message, True)


class PartDeferred(Incoming):
    """A Deferred of the next part of a message.

    Attributes:
        stream: the stream that wants the part.
    """

    convert = staticmethod(_as_last_piece)

    def __init__(self, inbox: Source, stream: Stream) -> None:
        super().__init__(lambda _: inbox.cancel_reader())
        self.source = inbox
        self.stream = stream

    def withdraw(self, result: Piece) -> None:
        """Set a part aside for the stream that has begun with this message."""
        if result.last and not self.stream.taken:
            super().withdraw(result)
        else:
            self.stream.kept = result
