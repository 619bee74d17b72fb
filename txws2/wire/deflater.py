"""Compressing and inflating the payloads of messages (RFC 7692 section 7.2)."""

from __future__ import annotations

import zlib

from txws2.wire import zlib_library as zlibs
from txws2.wire.exceptions import PayloadTooBig, ProtocolError

__all__ = ["Deflater", "Inflater"]

# A sync flush ends with these bytes. Section 7.2.1: "Remove 4 octets (that are 0x00 0x00 0xff 0xff)
# from the tail end." Section 7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the
# payload of the message."
_TAIL = b"\x00\x00\xff\xff"

# A new stream begins after a final block. Two bytes make a stream, and nobody needs many of them;
# for each, zlib takes a new window.
_MAX_STREAMS = 16

# A compressed message is inflated in pieces of this size. A few bytes can inflate to a thousand
# times as many, and no more than max_size and one piece is to be in memory.
_PIECE_SIZE = 64 * 1024


class Deflater:
    """Compresses the messages that we send.

    It takes its memory when it compresses the first message, and can give it back between any
    two: without the messages before, a compressor only refers to less.

    Args:
        window_bits: 9 to 15, the base-2 logarithm of the window.
        takeover: whether a message may refer to those before it ("context takeover").
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
            last: whether these bytes end the message.
        """
        compressor = self._compressor
        if compressor is None:
            compressor = self._compressor = zlibs.compressor(*self.kind)
        self._used = True
        # A part is flushed, too, so that the peer can inflate it when it arrives. The parts keep
        # the bytes of the flush: section 7.2.1 removes them at the message's end only.
        data = compressor.compress(part) + compressor.flush(zlibs.SYNC_FLUSH)
        if not last:
            return data
        # Section 7.1.1: without context takeover, each message begins with an empty window.
        if not self._takeover:
            self._compressor = None
        # Section 7.2.3.6: a single byte 0x00 stands for an empty message, as there was nothing to
        # flush. An empty payload wouldn't inflate after the tail is put back.
        return data.removesuffix(_TAIL) or b"\x00"

    @property
    def kind(self) -> tuple[int, int, int]:
        """A key: deflaters with equal keys compress a message to the same bytes."""
        return self._window_bits, self._level, self._memory_level

    def compress_apart(self, message: bytes) -> bytes:
        """Compress a message without reference to any before it, for any deflater of this kind."""
        return Deflater(self._window_bits, False, self._level, self._memory_level).compress(message)

    def forget(self) -> None:
        """Refer to no message sent so far: the peer received one that this didn't compress."""
        # The peer keeps its window. A message that refers to none of it is valid all the same.
        self._compressor = None

    def rest(self) -> None:
        """Give the memory back if no message was compressed since the last call."""
        if not self._used:
            self._compressor = None
        self._used = False


class Inflater:
    """Inflates the messages that we receive, part by part.

    Args:
        window_bits: 8 to 15, at least as many as the peer compresses with.
        takeover: whether the peer's messages may refer to those before them.
    """

    # Section 7.2.2 has the receiver keep its window as long as the sender may refer to it, so this
    # memory can't be given back between two messages, as that of a deflater can.

    __slots__ = ("_begun", "_decompressor", "_streams", "_takeover", "_window_bits")

    def __init__(self, window_bits: int, takeover: bool) -> None:
        # Old versions of zlib compressed with 9 bits when they were asked for 8. So a peer that
        # negotiated 8 may use 9; the larger window inflates both.
        self._window_bits = max(window_bits, 9)
        self._takeover = takeover
        # None before a stream begins: at first, and after a final block.
        self._decompressor: zlib._Decompress | None = None
        # The number of streams that this message has begun.
        self._streams = 0
        # True if parts of this message have begun a block that the tail is to end.
        self._begun = False

    def inflate(self, part: bytes, room: int | None) -> bytes:
        """Inflate a part of a message.

        Args:
            part: the next bytes of the payload.
            room: the number of bytes that the part may inflate to; None for no limit. No more
                than that, and one piece, is ever in memory.

        Raises:
            ProtocolError: the part isn't DEFLATE.
            PayloadTooBig: the part inflates to more. The exception has the size that was found,
                and the room.
        """
        if not part:
            return b""
        data = self._inflate(part, room)
        self._begun = self._decompressor is not None
        return data

    def finish(self, room: int | None, part: bytes = b"") -> bytes:
        """Inflate the last part of a message, or a whole message.

        Args:
            room: as for `inflate`.
            part: the last bytes of the payload.

        Raises:
            ProtocolError: the part isn't DEFLATE.
            PayloadTooBig: as for `inflate`.
        """
        # The tail is the end of an empty block that the payload has begun. After an empty payload,
        # no block has begun. A decompressor would then take the tail for the beginning of a block,
        # and the next message for the rest of it.
        ends_block = part or self._begun
        data = self._inflate(part + _TAIL, room, len(_TAIL)) if ends_block else b""
        self._streams = 0
        self._begun = False
        if not self._takeover:
            self._decompressor = None
        return data

    def _inflate(self, part: bytes, room: int | None, tail: int = 0) -> bytes:
        """Inflate bytes; the last of them, as many as `tail`, aren't the payload's."""
        decompressor = self._decompressor or self._start()
        piece = _decompress(decompressor, part)
        size = len(piece)
        if size < _PIECE_SIZE and not decompressor.eof and (room is None or size <= room):
            # Nearly every message takes this way.
            return piece
        pieces = [piece]
        while True:
            if room is not None and size > room:
                raise PayloadTooBig(size, room)
            if decompressor.eof:
                # Section 7.2.3.4: a block may have the bit BFINAL set, and other blocks may follow.
                # To zlib, a final block ends the stream, so another one begins here.
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
    """Make sure that a final block ended before the tail, or exactly with it.

    Args:
        left: the number of bytes of the tail that are left behind the final block.
    """
    # A block that ends within the tail has taken bytes of it for its own, and lacks as many.
    if left not in (0, len(_TAIL)):
        raise ProtocolError("decompression failed: the final block isn't complete")


def _decompress(decompressor: zlib._Decompress, part: bytes) -> bytes:
    # zlib's reason stays in the cause: it is of no use to a peer.
    try:
        return decompressor.decompress(part, _PIECE_SIZE)
    except zlibs.error() as exc:
        raise ProtocolError("decompression failed") from exc
