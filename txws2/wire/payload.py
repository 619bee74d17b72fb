"""One frame's payload which is too long to arrive at once."""

from __future__ import annotations

from operator import index
from typing import final

from txws2._accelerator import accelerated
from txws2.wire.masking import BytesLike, apply_mask

__all__ = ["PayloadBuffer"]


@final
@accelerated
class PayloadBuffer:
    """Takes a payload as it arrives, unmasks it, and has it whole at the end.

    What a header announces costs nothing. Memory grows with what has arrived, to twice as much
    at most.

    Args:
        length: bytes of the payload, as the header has it.
        mask: the masking key, None in a frame from a server.
    """

    __slots__ = ("_length", "_mask", "_payload")

    def __init__(self, length: int, mask: bytes | None, /) -> None:
        self._length = index(length)
        # RFC 6455 section 5.2: 63 bits, and on no machine less. Only what arrives needs memory.
        if not 0 <= self._length < 2**63:
            raise ValueError(f"no payload has {length} bytes")
        if mask is not None and len(mask) != 4:
            raise ValueError(f"a masking key has 4 bytes, not {len(mask)}")
        self._mask = mask
        self._payload = bytearray()

    @property
    def missing(self) -> int:
        """Bytes that haven't arrived."""
        return self._length - len(self._payload)

    def add(self, data: BytesLike, start: int = 0, /) -> int:
        """Take what belongs to the payload of what has arrived.

        Args:
            data: what has arrived.
            start: where in it the payload goes on.

        Returns:
            How many bytes were taken; what follows them belongs to the next frame.
        """
        if not isinstance(data, bytes):
            data = bytes(memoryview(data))
        start = index(start)
        if not 0 <= start <= len(data):
            raise ValueError(f"no place in {len(data)} bytes: {start}")
        part = data[start : start + self.missing]
        if self._mask is None:
            self._payload += part
        else:
            self._payload += apply_mask(part, self._mask, len(self._payload))
        return len(part)

    def finish(self) -> bytes:
        """Return what has arrived. Afterwards nothing is missing, and nothing more is taken."""
        payload = bytes(self._payload)
        self._payload.clear()
        self._length = 0
        return payload
