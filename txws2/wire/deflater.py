"""Compressing and inflating the payloads of messages (RFC 7692 section 7.2)."""

from __future__ import annotations

import zlib
from typing import Literal

from txws2.wire import zlib_library as zlibs
from txws2.wire.compression_budget import UNLIMITED, CompressionBudget, Stream
from txws2.wire.exceptions import PayloadTooBig, ProtocolError
from txws2.wire.inflation import Inflation
from txws2.wire.window import can_read_windows, read_window

__all__ = ["Deflater", "Inflater"]

# A sync flush ends with these bytes. Section 7.2.1: "Remove 4 octets (that are 0x00 0x00 0xff 0xff)
# from the tail end." Section 7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the
# payload of the message."
_TAIL = b"\x00\x00\xff\xff"
_SYNC_FLUSH = zlibs.SYNC_FLUSH

# A new stream begins after a final block. Two bytes make a stream, and nobody needs many of them;
# for each, zlib takes a new window.
_MAX_STREAMS = 16

# A compressed message is inflated in pieces of this size. A few bytes can inflate to a thousand
# times as many, and no more than max_size and one piece is to be in memory.
_PIECE_SIZE = 64 * 1024


class Deflater(Stream):
    """Compresses the messages that we send.

    It takes its memory when it compresses the first message, and can give it back after any part of
    one: without the bytes before, a compressor only refers to less.

    Args:
        window_bits: 9 to 15, the base-2 logarithm of the window.
        takeover: whether a message may refer to those before it ("context takeover").
        level: 1 to 9.
        memory_level: 1 to 9.
        budget: the budget that the memory is taken from.
    """

    # Each part ends with a flush, so a new compressor can make the next one. Section 7.1.1 permits
    # context takeover and nothing requires it, so the peer needn't know.

    __slots__ = (
        "_budget",
        "_compressor",
        "_level",
        "_memory_level",
        "_takeover",
        "_window_bits",
        "fresh",
        "stuck",
        "used",
    )

    def __init__(
        self,
        window_bits: int,
        takeover: bool,
        level: int,
        memory_level: int,
        budget: CompressionBudget = UNLIMITED,
    ) -> None:
        super().__init__(budget)
        self._window_bits = window_bits
        self._takeover = takeover
        self._level = level
        self._memory_level = memory_level
        # None while there is none; False while it is at work.
        self._compressor: zlib._Compress | Literal[False] | None = None

    def compress(self, part: bytes, last: bool = True) -> bytes:
        """Compress a message, or a part of one.

        Args:
            part: the next bytes of the payload.
            last: whether these bytes end the message.
        """
        kept = self._compressor
        compressor = kept or zlibs.compressor(*self.kind)
        self._compressor = False
        self.used = True
        # A part is flushed, too, so that the peer can inflate it when it arrives. The parts keep
        # the bytes of the flush: section 7.2.1 removes them at the message's end only.
        data = compressor.compress(part) + compressor.flush(_SYNC_FLUSH)
        if self._compressor is not False:
            # Meanwhile, a finalizer has sent a message, which goes ahead of this one. The
            # compressor doesn't know it.
            return self.compress(part, last)
        # Section 7.1.1: without context takeover, each message begins with an empty window.
        if last and not self._takeover:
            self.forget()
        else:
            self._compressor = compressor
            if not kept:
                self._budget.take(self)
        if not last:
            return data
        # Section 7.2.3.6: a single byte 0x00 stands for an empty message, as there was nothing to
        # flush. An empty payload wouldn't inflate after the tail is put back.
        return data.removesuffix(_TAIL) or b"\x00"

    @property
    def kind(self) -> tuple[int, int, int]:
        """A key: deflaters with equal keys compress a message to the same bytes."""
        return self._window_bits, self._level, self._memory_level

    @property
    def size(self) -> int:
        """The number of bytes that the compressor takes."""
        return zlibs.compressor_size(self._window_bits, self._memory_level)

    def compress_apart(self, message: bytes) -> bytes:
        """Compress a message without reference to any before it, for any deflater of this kind."""
        return Deflater(self._window_bits, False, self._level, self._memory_level).compress(message)

    def forget(self) -> None:
        """Refer to no message sent so far: the peer received one that this didn't compress."""
        # The peer keeps its window. A message that refers to none of it is valid all the same.
        self._compressor = None
        self._budget.give_back(self)

    def shrink(self) -> bool:
        """Free the compressor, unless it is at work."""
        if self._compressor is False:
            return False
        self._compressor = None
        return True


class Inflater(Inflation, Stream):
    """Inflates the messages that we receive, part by part.

    Args:
        window_bits: 8 to 15, at least as many as the peer compresses with.
        takeover: whether the peer's messages may refer to those before them.
        budget: the budget that the memory is taken from.
    """

    # Section 7.2.2 has the receiver keep its window as long as the sender may refer to it. So an
    # inflater can give back all but the bytes in its window.

    __slots__ = ("_begun", "_budget", "_ended", "_window", "fresh", "stuck")

    def __init__(
        self, window_bits: int, takeover: bool, budget: CompressionBudget = UNLIMITED
    ) -> None:
        Inflation.__init__(self)
        Stream.__init__(self, budget)
        # Old versions of zlib compressed with 9 bits when they were asked for 8. So a peer that
        # negotiated 8 may use 9; the larger window inflates both.
        self.window_bits = max(window_bits, 9)
        self.takeover = takeover
        # The bytes in the window of a decompressor whose memory was given back; b"" otherwise. None
        # if the last message ended within a block, with which another can't go on.
        self._window: bytes | None = b""
        # The number of streams that ended in this message.
        self._ended = 0
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
        self._begun = self.decompressor is not None
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
        self._ended = 0
        if not self.takeover:
            self.decompressor = None
            if self._begun:
                # Its parts were counted.
                self.forget()
        self._begun = False
        return data

    # C code calls these two for the few messages that it doesn't inflate alone.

    def go_on(self, piece: bytes, room: int | None) -> bytes:
        """Inflate what follows the first piece of a whole message; return all.

        Args:
            piece: the first piece, which the decompressor has just made.
            room: as for `inflate`.
        """
        try:
            data = self._go_on(piece, room, len(_TAIL))
        except zlibs.error() as exc:
            self.blame(exc)
            raise
        self._ended = 0
        return data

    def blame(self, exc: BaseException) -> None:
        """Raise the exception for a peer whose bytes aren't DEFLATE, if this one is a library's."""
        if isinstance(exc, zlibs.error()):
            self.forget()
            # zlib's reason stays in the cause: it is of no use to a peer.
            raise ProtocolError("decompression failed") from exc

    @property
    def size(self) -> int:
        """The number of bytes that the decompressor takes, and the window that it began with."""
        return zlibs.decompressor_size(self.window_bits) + len(self._window or b"")

    def shrink(self) -> bool:
        """Free the decompressor, and keep its window, unless a block of a message is unfinished."""
        if self.decompressor is None or not can_read_windows():
            return False
        window = read_window(self.decompressor, min(self.made, 2**self.window_bits))
        # The block can still end with its message, but not after it.
        if window is None and self._begun:
            return False
        self.decompressor, self._window = None, window
        return True

    def forget(self) -> None:
        """Give all memory back; the next message begins with an empty window."""
        self.decompressor, self._window = None, b""
        self._budget.give_back(self)

    def _inflate(self, part: bytes, room: int | None, tail: int = 0) -> bytes:
        """Inflate bytes; the last of them, as many as `tail`, aren't the payload's."""
        decompressor = self.decompressor or self._start(tail)
        self.decompressor = None
        self.used = True
        try:
            piece = decompressor.decompress(part, _PIECE_SIZE)
            size = len(piece)
            if size < _PIECE_SIZE and not decompressor.eof and (room is None or size <= room):
                # Nearly every message takes this way.
                self.decompressor = decompressor
                self.made += size
                return piece
            self.decompressor = decompressor
            del decompressor
            return self._go_on(piece, room, tail)
        except zlibs.error() as exc:
            self.blame(exc)
            raise

    def _go_on(self, piece: bytes, room: int | None, tail: int) -> bytes:
        """Inflate what follows the first piece; return all."""
        decompressor, self.decompressor = self.decompressor, None
        assert decompressor is not None
        pieces = [piece]
        size, made = len(piece), self.made
        while True:
            if room is not None and size > room:
                self.forget()
                raise PayloadTooBig(size, room)
            if decompressor.eof:
                # Section 7.2.3.4: a block may have the bit BFINAL set, and other blocks may follow.
                # To zlib, a final block ends the stream, so another one begins here.
                part = decompressor.unused_data
                self._ended += 1
                self._budget.give_back(self)
                if len(part) <= tail:
                    _check_tail(len(part))
                    return b"".join(pieces)
                decompressor = self._start(tail)
                made = -size
            elif len(piece) < _PIECE_SIZE:
                self.decompressor = decompressor
                self.made = made + size
                return b"".join(pieces)
            else:
                part = decompressor.unconsumed_tail
            piece = decompressor.decompress(part, _PIECE_SIZE)
            pieces.append(piece)
            size += len(piece)

    def _start(self, tail: int) -> zlib._Decompress:
        """Begin a stream, or go on with one whose memory was given back."""
        window = self._window
        if window is None:
            raise ProtocolError("decompression failed: the message before ended within a block")
        if not window:
            if self._ended >= _MAX_STREAMS:
                raise ProtocolError("decompression failed: too many final blocks")
            self.made = 0
        decompressor = zlibs.decompressor(self.window_bits, window)
        # Without context takeover, a whole message has the memory for a moment only.
        if self.takeover or not tail:
            self._budget.take(self)
        self._window = b""
        return decompressor


def _check_tail(left: int) -> None:
    """Make sure that a final block ended before the tail, or exactly with it.

    Args:
        left: the number of bytes of the tail that are left behind the final block.
    """
    # A block that ends within the tail has taken bytes of it for its own, and lacks as many.
    if left not in (0, len(_TAIL)):
        raise ProtocolError("decompression failed: the final block isn't complete")
