"""Fragmented messages, sent as they are made and received as they arrive (RFC 6455 section 5.4)."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from twisted.internet.defer import Deferred

from txws2._connection.pieces import Piece
from txws2.exceptions import ConnectionClosed
from txws2.interfaces import Fragments
from txws2.wire.encoder import Part, not_a_message

__all__ = ["Pieces", "check_fragments", "send_fragments"]

_Utf8Decoder = codecs.getincrementaldecoder("utf-8")


def check_fragments(message: object) -> None:
    """Make sure that a message which isn't str or bytes-like can be sent in fragments.

    Raises:
        TypeError: it can't be iterated over; or it is a mapping, whose keys are no message, or a
            Deferred, whose result was probably meant.
    """
    iterable = isinstance(message, (Iterable, AsyncIterable)) and not isinstance(
        message, (Mapping, Deferred)
    )
    if not iterable:
        raise not_a_message(message)


async def send_fragments(
    message: Fragments,
    write: Callable[[Part, bool], Deferred[None]],
    break_off: Callable[[], object],
) -> None:
    """Send each part of a message as it comes; a message without parts isn't sent.

    Args:
        message: the parts.
        write: called with a part, and with True if it is the last; returns a Deferred that fires
            when there is room for more.
        break_off: closes the connection. It is called when the iteration raises, since nothing
            else can take back the parts that were sent.
    """
    kind: type[str] | type[bytes] | None = None
    try:
        async for part in _each(message):
            await write(part, False)
            kind = str if isinstance(part, str) else bytes
        if kind is not None:
            await write(kind(), True)
    except ConnectionClosed:
        raise
    except BaseException:
        if kind is not None:
            break_off()
        raise


async def _each(message: Fragments) -> AsyncIterator[Part]:
    if isinstance(message, AsyncIterable):
        async for part in message:
            yield part
    else:
        for part in message:
            yield part


class Pieces(AsyncIterator[str | bytes]):
    """The pieces of one message as they arrive: at least one, and none of the others is empty.

    Args:
        get_part: returns a Deferred of the next piece for this iterator.
        decode: True to get bytes as str, False to get text as bytes.

    Attributes:
        taken: True once a piece was received.
        kept: a piece that has come and was not received yet; None if there is none.
    """

    def __init__(
        self, get_part: Callable[[Any], Deferred[Piece]], decode: bool | None = None
    ) -> None:
        self._get_part = get_part
        self._decode = decode
        self._decoder = _Utf8Decoder()
        self._begun = False
        self._ended = False
        self.taken = False
        self.kept: Piece | None = None

    async def __anext__(self) -> str | bytes:
        """Wait for the next piece."""
        while not self._ended:
            piece, self.kept = self.kept, None
            if piece is None:
                piece = await self._get_part(self)
            self.taken = True
            self._ended = piece.last
            data = self._converted(piece)
            if data or (piece.last and not self._begun):
                self._begun = True
                return data
        raise StopAsyncIteration

    def _converted(self, piece: Piece) -> str | bytes:
        data = piece.data
        if self._decode is True and isinstance(data, bytes):
            # A character may be split between two pieces.
            return self._decoder.decode(data, piece.last)
        if self._decode is False and isinstance(data, str):
            return data.encode()
        return data
