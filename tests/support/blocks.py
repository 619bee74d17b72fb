"""Messages as any peer may compress them: in all kinds of blocks, flushed and ended in any way."""

import zlib
from typing import NamedTuple

from hypothesis import strategies as st

TAIL = b"\x00\x00\xff\xff"

_FLUSHES = {
    "sync": zlib.Z_SYNC_FLUSH,
    "full": zlib.Z_FULL_FLUSH,
    "block": zlib.Z_BLOCK,
    "finish": zlib.Z_FINISH,
}


class Message(NamedTuple):
    """The parts of a message, and the flush after each.

    Attributes:
        parts: pairs of a part and its flush.
        extra: True to add a 0x00 after a final block, which means nothing.
    """

    parts: list[tuple[bytes, str]]
    extra: bool

    @property
    def data(self):
        return b"".join(part for part, _ in self.parts)


class Sender:
    """A peer that flushes as it likes, and may end its stream with any part of a message."""

    def __init__(self, level, strategy, takeover):
        self._options = {"level": level, "strategy": strategy, "wbits": -15}
        self._takeover = takeover
        self._begin()

    def _begin(self):
        self._compressor = zlib.compressobj(**self._options)

    def payload(self, message):
        """Compress a message."""
        if not self._takeover:
            self._begin()
        data, flush = b"", None
        for part, flush in message.parts:
            data += self._compressor.compress(part)
            if flush in _FLUSHES:
                data += self._compressor.flush(_FLUSHES[flush])
            if flush == "finish":
                self._begin()
        if flush == "finish":
            return data + b"\x00" if message.extra else data
        data += self._compressor.flush(zlib.Z_SYNC_FLUSH)
        return data.removesuffix(TAIL) or (b"\x00" if message.extra else b"")


_parts = st.tuples(
    st.one_of(st.binary(max_size=40), st.just(b"Hello" * 9), st.just(bytes(range(256)) * 2)),
    st.sampled_from(["not", *_FLUSHES]),
)

messages = st.lists(
    st.builds(Message, st.lists(_parts, min_size=1, max_size=4), st.booleans()),
    min_size=1,
    max_size=6,
)

kinds = st.tuples(
    # Level 0 makes stored blocks, Z_FIXED makes blocks with fixed Huffman codes.
    st.sampled_from([0, 1, 6, 9]),
    st.sampled_from([zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE]),
)
"""Levels and strategies of compression."""
