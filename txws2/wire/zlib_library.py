"""zlib, and zlib-ng in its place: faster, for more memory, where the extra `fast` is installed."""

from __future__ import annotations

import zlib
from typing import Any

from txws2._accelerator import load

__all__ = ["NG", "SYNC_FLUSH", "compressor", "decompressor", "error"]

NG: Any = load("zlib_ng.zlib_ng")
"""zlib-ng, None if it isn't there or isn't wanted."""

SYNC_FLUSH = zlib.Z_SYNC_FLUSH

# A compressor of zlib-ng takes 140 KiB at the least, whatever it is told.
_LEAST_MEMORY_LEVEL = 5


def compressor(window_bits: int, level: int, memory_level: int) -> zlib._Compress:
    """Make what compresses to DEFLATE, without a header.

    Args:
        window_bits: 9 to 15.
        level: 1 to 9.
        memory_level: 1 to 9; who says less than 5 wants to save memory, and gets zlib.
    """
    library = zlib if NG is None or memory_level < _LEAST_MEMORY_LEVEL else NG
    made: zlib._Compress = library.compressobj(level, zlib.DEFLATED, -window_bits, memory_level)
    return made


def decompressor(window_bits: int) -> zlib._Decompress:
    """Make what inflates such data.

    Args:
        window_bits: 9 to 15.
    """
    made: zlib._Decompress = (NG or zlib).decompressobj(-window_bits)
    return made


def error() -> type[Exception]:
    """Return what a decompressor raises: each library has its own."""
    raised: type[Exception] = (NG or zlib).error
    return raised
