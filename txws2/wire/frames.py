"""Frames (RFC 6455 section 5.2): their headers from bytes, and whole frames to bytes."""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from txws2._accelerator import accelerated
from txws2.wire.exceptions import ProtocolError
from txws2.wire.masking import BytesLike, apply_mask
from txws2.wire.masking_keys import new_mask

__all__ = [
    "BINARY",
    "CLOSE",
    "CONT",
    "MAX_CONTROL_SIZE",
    "PING",
    "PONG",
    "TEXT",
    "Header",
    "Opcode",
    "encode_frame",
    "parse_header",
]


class Opcode(IntEnum):
    """What a frame carries (section 11.8)."""

    CONT = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


CONT, TEXT, BINARY, CLOSE, PING, PONG = Opcode

MAX_CONTROL_SIZE = 125
"""Bytes that the payload of a control frame may have (section 5.5)."""

_OPCODES = frozenset(Opcode)
_SHORT = Struct("!BB")
_MEDIUM = Struct("!BBH")
_LONG = Struct("!BBQ")


class Header(NamedTuple):
    """All that precedes a payload.

    Attributes:
        fin: whether this frame ends its message.
        rsv1: whether the message that it begins is compressed (RFC 7692 section 6).
        opcode: one of `Opcode`.
        length: bytes of payload.
        mask: the masking key, None in a frame from a server.
        end: where in the buffer the payload begins.
    """

    fin: bool
    rsv1: bool
    opcode: int
    length: int
    mask: bytes | None
    end: int


def parse_header(
    data: bytes, start: int, *, masked: bool, fragmented: bool, compressible: bool = False
) -> Header | None:
    """Read the frame header that begins at `start`.

    Each byte is judged as soon as it is there, so a peer that breaks the protocol learns it
    before it has sent the rest.

    Args:
        data: what has arrived; there is at least one byte at `start`.
        start: where the frame begins.
        masked: whether the peer must mask: True when it is a client (section 5.1).
        fragmented: whether the peer has a message begun and not ended (section 5.4).
        compressible: whether permessage-deflate was agreed on.

    Returns:
        The header, or None while some of it is still missing.

    Raises:
        ProtocolError: the header can't begin or continue a frame here.
    """
    available = len(data) - start
    first = data[start]
    _check_first_byte(first, fragmented, compressible)
    if available < 2:
        return None
    second = data[start + 1]
    # Section 5.1: a client MUST mask, a server MUST NOT.
    if (second >= 0x80) is not masked:
        raise ProtocolError("expected a masked frame" if masked else "expected an unmasked frame")
    opcode, length, end = first & 0x0F, second & 0x7F, start + 2
    if length > MAX_CONTROL_SIZE:
        if opcode >= CLOSE:
            raise ProtocolError("control frame too long")
        extended = _extended_length(data, start, length)
        if extended is None:
            return None
        length, end = extended

    mask = None
    if masked:
        mask = data[end : end + 4]
        if len(mask) < 4:
            return None
        end += 4
    return Header(first >= 0x80, bool(first & 0x40), opcode, length, mask, end)


def _check_first_byte(first: int, fragmented: bool, compressible: bool) -> None:
    opcode = first & 0x0F
    # Section 5.2: they MUST be 0 unless an extension says what else they mean. RFC 7692
    # section 6 does for the first bit of a message's first frame.
    if first & 0x70 and not (compressible and first & 0x70 == 0x40 and opcode in (TEXT, BINARY)):
        raise ProtocolError("reserved bits must be 0")
    if opcode not in _OPCODES:
        raise ProtocolError(f"invalid opcode: 0x{opcode:X}")
    if opcode >= CLOSE:
        # Section 5.5: control frames MUST NOT be fragmented.
        if first < 0x80:
            raise ProtocolError("fragmented control frame")
    elif fragmented and opcode != CONT:
        # Section 5.4: the fragments of one message MUST NOT be interleaved with another's.
        raise ProtocolError("expected a continuation frame")
    elif opcode == CONT and not fragmented:
        raise ProtocolError("unexpected continuation frame")


def _extended_length(data: bytes, start: int, code: int) -> tuple[int, int] | None:
    """Read a length of two or eight bytes; return it and where it ends."""
    if code == 127 and len(data) > start + 2 and data[start + 2] >= 0x80:
        # Section 5.2: the most significant bit MUST be 0.
        raise ProtocolError("invalid length: the highest bit is set")
    end = start + (4 if code == 126 else 10)
    if len(data) < end:
        return None
    length = int.from_bytes(data[start + 2 : end], "big")
    # Section 5.2: the minimal number of bytes MUST be used to encode the length.
    if length < (126 if code == 126 else 1 << 16):
        raise ProtocolError(f"invalid length: {length} is not in its shortest form")
    return length, end


@accelerated
def encode_frame(
    opcode: int, payload: BytesLike, /, *, masked: bool, fin: bool = True, rsv1: bool = False
) -> bytes:
    """Return a whole frame.

    Args:
        opcode: one of `Opcode`.
        payload: any number of bytes; the caller keeps control frames within MAX_CONTROL_SIZE.
        masked: whether to mask it with a fresh key: a client must, a server must not.
        fin: whether it ends its message.
        rsv1: whether it begins a message that is compressed.
    """
    first = opcode | (0x80 if fin else 0) | (0x40 if rsv1 else 0)
    if not 0 <= first <= 0xFF:
        raise ValueError(f"no frame has the opcode {opcode}")
    if not isinstance(payload, bytes):
        payload = bytes(memoryview(payload))
    length = len(payload)
    mask_bit = 0x80 if masked else 0
    if length < 126:
        header = _SHORT.pack(first, mask_bit | length)
    elif length < 1 << 16:
        header = _MEDIUM.pack(first, mask_bit | 126, length)
    else:
        header = _LONG.pack(first, mask_bit | 127, length)
    if not masked:
        return header + payload
    mask = new_mask()
    return header + mask + apply_mask(payload, mask)
