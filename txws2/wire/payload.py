"""The payload of one frame, too long to arrive at once."""

from __future__ import annotations

from operator import index
from typing import final

from txws2._accelerator import accelerated
from txws2.wire.masking import BytesLike, apply_mask

__all__ = ["PayloadBuffer"]


@final
@accelerated
class PayloadBuffer:
    """Collects a payload as it arrives, and unmasks it.

    A length that a header announces takes no memory. Memory grows with the bytes that have
    arrived, to twice as many at most.

    Args:
        length: the payload's length in bytes, from the frame's header.
        mask: the masking key, None in a frame from a server.
    """

    __slots__ = ("_length", "_mask", "_payload")

    def __init__(self, length: int, mask: bytes | None, /) -> None:
        self._length = index(length)
        # RFC 6455 section 5.2: frame-payload-length-63 is "%x0000000000000000-7FFFFFFFFFFFFFFF",
        # on a machine of 32 bits, too. Why not refuse a length that no memory holds: only the
        # bytes that arrive need memory, and `MessageAssembler.check` knows max_size.
        if not 0 <= self._length < 2**63:
            raise ValueError(f"a payload has from 0 to 2**63 - 1 bytes, not {length}")
        if mask is not None and len(mask) != 4:
            raise ValueError(f"a masking key has 4 bytes, not {len(mask)}")
        self._mask = mask
        self._payload = bytearray()

    @property
    def missing(self) -> int:
        """The number of bytes that haven't arrived."""
        return self._length - len(self._payload)

    def add(self, data: BytesLike, start: int = 0, /) -> int:
        """Take the bytes of the payload that have arrived.

        Args:
            data: the bytes that have arrived.
            start: the position at which the payload goes on.

        Returns:
            The number of bytes that were taken; those after them belong to the next frame.
        """
        if not isinstance(data, bytes):
            data = bytes(memoryview(data))
        start = index(start)
        if not 0 <= start <= len(data):
            raise ValueError(f"a position is from 0 to {len(data)}, not {start}")
        part = data[start : start + self.missing]
        if self._mask is None:
            self._payload += part
        else:
            # RFC 6455 section 5.3 counts i, the index into the key, from the payload's beginning.
            self._payload += apply_mask(part, self._mask, len(self._payload))
        return len(part)

    def finish(self) -> bytes:
        """Return the bytes that have arrived. Afterwards nothing is missing, or taken."""
        payload = bytes(self._payload)
        self._payload.clear()
        self._length = 0
        return payload
