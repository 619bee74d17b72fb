"""Masking (RFC 6455 section 5.3): every byte from a client is XORed with a four-byte key."""

from __future__ import annotations

from txws2.speedups import accelerated

__all__ = ["BytesLike", "apply_mask"]

BytesLike = bytes | bytearray | memoryview
"""What bytes may be read from."""


@accelerated
def apply_mask(data: BytesLike, mask: bytes, offset: int = 0, /) -> bytes:
    """Mask or unmask, which is the same.

    Args:
        data: the payload, or a part of it.
        mask: the four bytes of the key.
        offset: bytes of the payload that came before `data`.
    """
    if len(mask) != 4:
        raise ValueError(f"a masking key has 4 bytes, not {len(mask)}")
    if not isinstance(data, bytes):
        data = bytes(memoryview(data))
    size = len(data)
    shift = offset % 4
    key = mask[shift:] + mask[:shift]
    # Two long integers are XORed in C; a loop over the bytes would take a hundred times as long.
    stream = (key * (size // 4 + 1))[:size]
    masked = int.from_bytes(data, "little") ^ int.from_bytes(stream, "little")
    return masked.to_bytes(size, "little")
