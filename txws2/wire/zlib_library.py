"""zlib; or zlib-ng, which is faster and takes more memory, if the extra `fast` is installed."""

from __future__ import annotations

import zlib
from typing import Any

from txws2._accelerator import load

__all__ = ["NG", "SYNC_FLUSH", "compressor", "decompressor", "error"]

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
    library = zlib if NG is None or memory_level < _LEAST_MEMORY_LEVEL else NG
    made: zlib._Compress = library.compressobj(level, zlib.DEFLATED, -window_bits, memory_level)
    return made


def decompressor(window_bits: int) -> zlib._Decompress:
    """Make a decompressor of such data.

    Args:
        window_bits: 9 to 15.
    """
    made: zlib._Decompress = (NG or zlib).decompressobj(-window_bits)
    return made


def error() -> type[Exception]:
    """Return the exception of a decompressor: each library has its own class."""
    raised: type[Exception] = (NG or zlib).error
    return raised
