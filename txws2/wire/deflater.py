"""Compressing and inflating the payloads of messages (RFC 7692 section 7.2)."""

from __future__ import annotations

import zlib

from txws2.wire import zlib_library as zlibs
from txws2.wire.exceptions import PayloadTooBig, ProtocolError

__all__ = ["Deflater", "Inflater"]

# Section 7.2.1: what a sync flush ends with is removed, and put back before inflating.
_TAIL = b"\x00\x00\xff\xff"

# After a final block a new stream begins. Two bytes make one, and nobody needs many.
_MAX_STREAMS = 16

_PIECE_SIZE = 64 * 1024


class Deflater:
    """Compresses the messages that we send.

    Its memory is taken when the first message is compressed, and can be given back between any
    two: a compressor that has forgotten what it sent only refers to less.

    Args:
        window_bits: 9 to 15, the base-2 logarithm of the window.
        takeover: whether a message may refer to those before it.
        level: 1 to 9.
        memory_level: 1 to 9.
    """

    __slots__ = ("_compressor", "_level", "_memory_level", "_takeover", "_used", "_window_bits")

    def __init__(self, window_bits: int, takeover: bool, level: int, memory_level: int) -> None:
        self._window_bits = window_bits
        self._takeover = takeover
        self._level = level
        self._memory_level = memory_level
        self._compressor: zlib._Compress | None = None
        self._used = False

    def compress(self, part: bytes, last: bool = True) -> bytes:
        """Compress a message, or a part of one.

        Args:
            part: the next bytes of the payload.
            last: whether they end the message.
        """
        compressor = self._compressor
        if compressor is None:
            compressor = self._compressor = zlibs.compressor(*self.kind)
        self._used = True
        data = compressor.compress(part) + compressor.flush(zlibs.SYNC_FLUSH)
        if not last:
            return data
        if not self._takeover:
            self._compressor = None
        # Section 7.2.3.6: when there was nothing to flush, a byte must stand for the message.
        return data.removesuffix(_TAIL) or b"\x00"

    @property
    def kind(self) -> tuple[int, int, int]:
        """What two of them have in common that compress the same message to the same bytes."""
        return self._window_bits, self._level, self._memory_level

    def compress_apart(self, message: bytes) -> bytes:
        """Compress a message so that it refers to none before it, for any of this kind."""
        return Deflater(self._window_bits, False, self._level, self._memory_level).compress(message)

    def forget(self) -> None:
        """Refer to nothing that was sent so far: the peer has had what this didn't compress."""
        self._compressor = None

    def rest(self) -> None:
        """Give the memory back if nothing was compressed since this was last called."""
        if not self._used:
            self._compressor = None
        self._used = False


class Inflater:
    """Inflates the messages that we receive, part by part.

    Args:
        window_bits: 8 to 15, at least what the peer compresses with.
        takeover: whether the peer's messages may refer to those before them.
    """

    __slots__ = ("_begun", "_decompressor", "_streams", "_takeover", "_window_bits")

    def __init__(self, window_bits: int, takeover: bool) -> None:
        # zlib took 8 for 9 when compressing, so that peers that said 8 may have meant 9.
        self._window_bits = max(window_bits, 9)
        self._takeover = takeover
        # None before a stream begins: at first, and after a final block.
        self._decompressor: zlib._Decompress | None = None
        # Those that this message has begun.
        self._streams = 0
        # Whether parts of this message have left something that the tail is to end.
        self._begun = False

    def inflate(self, part: bytes, room: int | None) -> bytes:
        """Inflate a part of a message.

        Args:
            part: the next bytes of the payload.
            room: bytes that it may inflate to; None for no limit. No more than that, and a
                piece, is ever in memory.

        Raises:
            ProtocolError: it isn't DEFLATE.
            PayloadTooBig: it inflates to more; it says how much was found, and the room.
        """
        if not part:
            return b""
        data = self._inflate(part, room)
        self._begun = self._decompressor is not None
        return data

    def finish(self, room: int | None, part: bytes = b"") -> bytes:
        """Inflate the last part of a message, or the whole of one.

        Args:
            part: the last bytes of the payload.
            room: as for `inflate`.

        Raises:
            ProtocolError: it isn't DEFLATE.
            PayloadTooBig: as `inflate`.
        """
        # The tail is the rest of an empty block that the payload has begun. A decompressor that
        # gets it without that would take it, and what follows, for the beginning of another.
        ends_block = part or self._begun
        data = self._inflate(part + _TAIL, room, len(_TAIL)) if ends_block else b""
        self._streams = 0
        self._begun = False
        if not self._takeover:
            self._decompressor = None
        return data

    def _inflate(self, part: bytes, room: int | None, tail: int = 0) -> bytes:
        """Inflate bytes, of which so many at the end are not the payload's."""
        decompressor = self._decompressor or self._start()
        piece = _decompress(decompressor, part)
        size = len(piece)
        if size < _PIECE_SIZE and not decompressor.eof and (room is None or size <= room):
            # Nearly always.
            return piece
        pieces = [piece]
        while True:
            if room is not None and size > room:
                raise PayloadTooBig(size, room)
            if decompressor.eof:
                # Section 7.2.3.4: a block may say that it is the final one; others may follow.
                part = decompressor.unused_data
                self._decompressor = None
                if len(part) <= tail:
                    _check_tail(len(part))
                    return b"".join(pieces)
                decompressor = self._start()
            elif len(piece) < _PIECE_SIZE:
                return b"".join(pieces)
            else:
                part = decompressor.unconsumed_tail
            piece = _decompress(decompressor, part)
            pieces.append(piece)
            size += len(piece)

    def _start(self) -> zlib._Decompress:
        self._streams += 1
        if self._streams > _MAX_STREAMS:
            raise ProtocolError("decompression failed: too many final blocks")
        self._decompressor = zlibs.decompressor(self._window_bits)
        return self._decompressor


def _check_tail(left: int) -> None:
    """Make sure that a final block has taken nothing of the tail, or has been ended by it.

    Args:
        left: bytes of the tail that are left behind the final block.
    """
    if left not in (0, len(_TAIL)):
        raise ProtocolError("decompression failed: the final block isn't complete")


def _decompress(decompressor: zlib._Decompress, part: bytes) -> bytes:
    try:
        return decompressor.decompress(part, _PIECE_SIZE)
    except zlibs.error() as exc:
        raise ProtocolError("decompression failed") from exc
