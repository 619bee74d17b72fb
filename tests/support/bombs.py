"""Small payloads that inflate to very many bytes."""

import zlib


def zeros(mebibytes):
    """Return this many MiB of zeros, compressed: one compressed MiB, repeated."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    one = compressor.compress(bytes(2**20)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return (one * mebibytes).removesuffix(b"\x00\x00\xff\xff")
