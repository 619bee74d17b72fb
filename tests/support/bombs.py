"""What is small, and inflates to very much."""

import zlib


def zeros(mebibytes):
    """So many MiB of zeros, compressed; made at once, as each MiB is compressed alike."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    one = compressor.compress(bytes(2**20)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return (one * mebibytes).removesuffix(b"\x00\x00\xff\xff")
