"""Masking (RFC 6455 section 5.3): every byte from a client is XORed with a four-byte key."""

from __future__ import annotations

from functools import cache

from txws2._accelerator import accelerated

__all__ = ["BytesLike", "apply_mask"]

BytesLike = bytes | bytearray | memoryview
"""The types whose bytes can be read."""

# From this size on, four translations take less time than conversions between bytes and long
# integers: a third for 64 KiB, but more than twice as much for 32 bytes
# (benchmarks/micro/test_masking.py).
_LARGE = 2048


@cache
def _xored_with(number: int) -> bytes:
    """Return the table for `bytes.translate` that XORs each byte with a number."""
    return bytes(byte ^ number for byte in range(256))


@accelerated
def apply_mask(data: BytesLike, mask: bytes, offset: int = 0, /) -> bytes:
    """Mask or unmask bytes; both are the same operation.

    Args:
        data: the payload, or a part of it.
        mask: the four bytes of the key.
        offset: the number of bytes of the payload before `data`.
    """
    # Section 5.3: "Octet i of the transformed data [...] is the XOR of octet i of the original data
    # [...] with octet at index i modulo 4 of the masking key". It also has: "the same steps are
    # applied to mask the data as to unmask the data."
    if len(mask) != 4:
        raise ValueError(f"a masking key has 4 bytes, not {len(mask)}")
    if not isinstance(data, bytes):
        data = bytes(memoryview(data))
    size = len(data)
    shift = offset % 4
    key = mask[shift:] + mask[:shift]
    if size >= _LARGE:
        # The slices are bytearrays, as is the result. So no copy is made to change the type.
        result = bytearray(data)
        for place, number in enumerate(key):
            result[place::4] = result[place::4].translate(_xored_with(number))
        return bytes(result)
    # Python XORs two long integers in C. A loop over the bytes would take a hundred times as long.
    stream = (key * (size // 4 + 1))[:size]
    masked = int.from_bytes(data, "little") ^ int.from_bytes(stream, "little")
    return masked.to_bytes(size, "little")
