"""zlib; or zlib-ng, which is faster and takes more memory, if the extra `fast` is installed."""

from __future__ import annotations

import zlib
from typing import Any

from txws2._accelerator import load

__all__ = [
    "NG",
    "SYNC_FLUSH",
    "compressor",
    "compressor_size",
    "decompressor",
    "decompressor_size",
    "error",
]

NG: Any = load("zlib_ng.zlib_ng")
"""zlib-ng, None if it isn't installed or isn't wanted."""

# RFC 7692 section 7.2.1 has a message end with an empty block without compression. This flush
# writes one.
SYNC_FLUSH = zlib.Z_SYNC_FLUSH

# A compressor of zlib-ng takes 140 KiB at the least, whatever memory_level it is given. Below this
# level, memory counts more than speed.
_LEAST_MEMORY_LEVEL = 5


def compressor(window_bits: int, level: int, memory_level: int) -> zlib._Compress:
    """Make a compressor to DEFLATE, without a header.

    Args:
        window_bits: 9 to 15.
        level: 1 to 9.
        memory_level: 1 to 9; less than 5 saves memory, and always means zlib.
    """
    # Negative window bits mean raw DEFLATE (RFC 1951). RFC 7692 has no header or checksum of zlib.
    library = NG if _by_ng(memory_level) else zlib
    made: zlib._Compress = library.compressobj(level, zlib.DEFLATED, -window_bits, memory_level)
    return made


def compressor_size(window_bits: int, memory_level: int) -> int:
    """Return the number of bytes that such a compressor takes, to within a tenth."""
    # zconf.h of zlib has 2 ** (window_bits + 2) + 2 ** (memory_level + 9), "plus a few kilobytes
    # for small objects." Measured, these are 6 KiB. zlib-ng 2.3 has hashes of 2**16 entries of two
    # bytes whatever memory_level is, and 5 bytes for each of its 2 ** (memory_level + 6) symbols.
    least: int = 2 ** (window_bits + 2) + 6 * 2**10
    if _by_ng(memory_level):
        return int(least + 2**17 + 5 * 2 ** (memory_level + 6))
    return int(least + 2 ** (memory_level + 9))


def _by_ng(memory_level: int) -> bool:
    return NG is not None and memory_level >= _LEAST_MEMORY_LEVEL


def decompressor(window_bits: int, window: bytes = b"") -> zlib._Decompress:
    """Make a decompressor of such data.

    Args:
        window_bits: 9 to 15.
        window: the bytes that the data may refer to, as if the decompressor had made them.
    """
    library = NG or zlib
    # Data of zlib names the dictionary that it needs. Raw DEFLATE doesn't, so the decompressor
    # takes the dictionary at once for its window.
    made: zlib._Decompress = (
        library.decompressobj(-window_bits, zdict=window)
        if window
        else library.decompressobj(-window_bits)
    )
    return made


def decompressor_size(window_bits: int) -> int:
    """Return the number of bytes that such a decompressor takes, to within a tenth."""
    # zconf.h of zlib has 2**window_bits, "plus about 7 kilobytes"; zlib-ng 2.3 takes the largest
    # window and padding, whatever was asked for.
    return 41 * 2**10 if NG is not None else int(2**window_bits + 7 * 2**10)


def error() -> type[Exception]:
    """Return the exception of a decompressor: each library has its own class."""
    raised: type[Exception] = (NG or zlib).error
    return raised
