"""The window of a decompressor, read out of it, so that another one can take its place."""

from __future__ import annotations

import zlib
from functools import cache, lru_cache
from secrets import token_bytes

from txws2.wire import zlib_library as zlibs

__all__ = ["can_read_windows", "read_window"]

# A final block without compression (RFC 1951 section 3.2.4), with bytes that no peer knows. They
# come out, and end the stream, if and only if the decompressor was between two blocks: only their
# own header can have such bytes copied, and only its first bit can end the stream.
_NONCE = token_bytes(16)
_PROBE = b"\x01\x10\x00\xef\xff" + _NONCE

# RFC 1951 section 3.2.5: the largest length of a match, and its code (section 3.2.6).
_MATCH = 258
_MATCH_CODE = "11000101"

# RFC 7692 section 7.2.3.2: a message "Hello", and another one that refers to it; with their tails.
_HELLO = bytes.fromhex("f248cdc9c907000000ffff")
_HELLO_AGAIN = bytes.fromhex("f2001100000000ffff")


@cache
def can_read_windows() -> bool:
    """Tell whether this Python's zlib can do what `read_window` and its result need."""
    try:
        first = zlibs.decompressor(9)
        window = read_window(first, len(first.decompress(_HELLO)))
        return zlibs.decompressor(9, window or b"").decompress(_HELLO_AGAIN) == window
    except (AttributeError, TypeError, zlibs.error()):
        # Not every Python can copy a decompressor, or begin with a window.
        return False


def read_window(decompressor: zlib._Decompress, size: int) -> bytes | None:
    """Return the latest bytes that a decompressor has made, as its window has them.

    The decompressor is of no use afterwards.

    Args:
        decompressor: one for raw DEFLATE.
        size: the number of bytes, at most those that it has made and its window holds.

    Returns:
        The bytes; None if a block has begun and not ended, so that the window isn't enough to go
        on. The decompressor can then go on itself.
    """
    # zlib has a function for this, which Python lacks. But a decompressor can be given data that
    # refers to all of its window.
    try:
        probe = decompressor.copy()
        between_blocks = probe.decompress(_PROBE) == _NONCE and probe.eof
    except zlibs.error():
        return None
    if not between_blocks:
        return None
    return decompressor.decompress(_repeating(size))[:size] if size else b""


# Most windows of a factory's connections are full, and of one size.
@lru_cache(maxsize=16)
def _repeating(distance: int) -> bytes:
    """Return the beginning of a block that repeats so many bytes, or a few more."""
    # Bits in the order of RFC 1951 section 3.1.1. Not the last block, and fixed codes ("0", "10",
    # section 3.2.3); then matches, each with its distance. The end of the block isn't needed.
    bits = "010" + (_MATCH_CODE + _distance_code(distance)) * -(-distance // _MATCH)
    return int(bits[::-1], 2).to_bytes(-(-len(bits) // 8), "little")


def _distance_code(distance: int) -> str:
    # Section 3.2.5: from 5 on, each power of two has two codes, and extra bits for the rest.
    value = distance - 1
    extra = max(value.bit_length() - 2, 0)
    code = value if value < 4 else 2 * (extra + 1) + (value >> extra & 1)
    # Section 3.1.1: codes begin with their most significant bit, other numbers with their least.
    return f"{code:05b}" + "".join("01"[value >> bit & 1] for bit in range(extra))
