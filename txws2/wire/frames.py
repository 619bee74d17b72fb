"""Frames (RFC 6455 section 5.2): headers are parsed from bytes, whole frames are made of them."""

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
    "encode_header",
    "parse_header",
]


class Opcode(IntEnum):
    """The kinds of frames (section 11.8)."""

    # Section 5.2: "%x3-7 are reserved for further non-control frames", "%xB-F are reserved for
    # further control frames". No extension that is negotiated here defines any of them, so they
    # have no member, and a frame with one of them is refused.

    CONT = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


CONT, TEXT, BINARY, CLOSE, PING, PONG = Opcode

MAX_CONTROL_SIZE = 125
"""The largest payload of a control frame, in bytes (section 5.5)."""

_OPCODES = frozenset(Opcode)

# Section 5.2: "Multibyte length quantities are expressed in network byte order." A length takes
# none, two or eight bytes after the first two.
_SHORT = Struct("!BB")
_MEDIUM = Struct("!BBH")
_LONG = Struct("!BBQ")


class Header(NamedTuple):
    """The part of a frame before its payload.

    Attributes:
        fin: whether this frame ends its message.
        rsv1: whether this frame begins a compressed message (RFC 7692 section 6).
        opcode: one of `Opcode`.
        length: the payload's length in bytes.
        mask: the masking key, None in a frame from a server.
        end: the position in the buffer at which the header ends, and the payload begins.
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

    Each byte is checked as soon as it is there. So a peer that breaks the protocol learns it
    before it has sent the rest.

    Args:
        data: the bytes that have arrived; there is at least one at `start`.
        start: the position at which the frame begins.
        masked: whether the peer must mask: True when it is a client (section 5.1).
        fragmented: whether the peer has begun a message and not ended it (section 5.4).
        compressible: whether permessage-deflate was negotiated.

    Returns:
        The header, or None while some of it is still missing.

    Raises:
        ProtocolError: the header breaks a rule of sections 5.1 to 5.5.
    """
    available = len(data) - start
    first = data[start]
    _check_first_byte(first, fragmented, compressible)
    if available < 2:
        return None
    second = data[start + 1]
    # Section 5.1: "The server MUST close the connection upon receiving a frame that is not
    # masked." "A client MUST close a connection if it detects a masked frame." Both MAY use the
    # code 1002, and both do here. Why not tolerate the other way round: an unmasked frame may
    # have been chosen byte by byte, to deceive a proxy (section 10.3).
    if (second >= 0x80) is not masked:
        raise ProtocolError("expected a masked frame" if masked else "expected an unmasked frame")
    opcode, length, end = first & 0x0F, second & 0x7F, start + 2
    # Section 5.2: "if 0-125, that is the payload length." 126 and 127 say that two or eight bytes
    # of length follow.
    if length > MAX_CONTROL_SIZE:
        # Section 5.5: "All control frames MUST have a payload length of 125 bytes or less". So a
        # control frame never takes long, and it can be buffered whole.
        if opcode >= CLOSE:
            raise ProtocolError("control frame too long")
        extended = _extended_length(data, start, length)
        if extended is None:
            return None
        length, end = extended

    # Section 5.2, Masking-key: "This field is present if the mask bit is set to 1 and is absent
    # if the mask bit is set to 0."
    mask = None
    if masked:
        mask = data[end : end + 4]
        if len(mask) < 4:
            return None
        end += 4
    return Header(first >= 0x80, bool(first & 0x40), opcode, length, mask, end)


def _check_first_byte(first: int, fragmented: bool, compressible: bool) -> None:
    opcode = first & 0x0F
    # Section 5.2: the bits RSV1 to RSV3 "MUST be 0 unless an extension is negotiated that defines
    # meanings for non-zero values." RFC 7692 defines RSV1, and its section 6 has it in the first
    # frame of a message only: "An endpoint MUST NOT set the "Per-Message Compressed" bit of
    # control frames and non-first fragments of a data message."
    if first & 0x70 and not (compressible and first & 0x70 == 0x40 and opcode in (TEXT, BINARY)):
        raise ProtocolError("reserved bits must be 0")
    # Section 5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the
    # WebSocket Connection_."
    if opcode not in _OPCODES:
        raise ProtocolError(f"invalid opcode: 0x{opcode:X}")
    if opcode >= CLOSE:
        # Section 5.4: "Control frames themselves MUST NOT be fragmented." But they "MAY be
        # injected in the middle of a fragmented message", so `fragmented` doesn't matter here.
        if first < 0x80:
            raise ProtocolError("fragmented control frame")
    elif fragmented and opcode != CONT:
        # Section 5.4: "The fragments of one message MUST NOT be interleaved between the fragments
        # of another message unless an extension has been negotiated that can interpret the
        # interleaving." RFC 7692 can't.
        raise ProtocolError("expected a continuation frame")
    elif opcode == CONT and not fragmented:
        # Section 5.4: an unfragmented message has "an opcode other than 0", and so has the first
        # frame of a fragmented one. This frame belongs to no message.
        raise ProtocolError("unexpected continuation frame")


def _extended_length(data: bytes, start: int, code: int) -> tuple[int, int] | None:
    """Read a length of two or eight bytes; return it and the position at which it ends."""
    if code == 127 and len(data) > start + 2 and data[start + 2] >= 0x80:
        # Section 5.2, of a length of eight bytes: "the most significant bit MUST be 0". The other
        # seven bytes aren't awaited to find that out.
        raise ProtocolError("invalid length: the highest bit is set")
    end = start + (4 if code == 126 else 10)
    if len(data) < end:
        return None
    length = int.from_bytes(data[start + 2 : end], "big")
    # Section 5.2: "the minimal number of bytes MUST be used to encode the length". Why not accept
    # a longer form: two forms of one frame are what a proxy and a server can disagree about.
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
        masked: whether to mask the payload with a fresh key: a client must, a server must not.
        fin: whether the frame ends its message.
        rsv1: whether the frame begins a compressed message.
    """
    first = opcode | (0x80 if fin else 0) | (0x40 if rsv1 else 0)
    if not 0 <= first <= 0xFF:
        raise ValueError(f"no frame has the opcode {opcode}")
    if not isinstance(payload, bytes):
        payload = bytes(memoryview(payload))
    header = _header(first, len(payload), 0x80 if masked else 0)
    if not masked:
        return header + payload
    # Section 5.3: "the client MUST pick a fresh masking key from the set of allowed 32-bit
    # values" for each frame. So no caller passes a key, and none can be used twice.
    mask = new_mask()
    return header + mask + apply_mask(payload, mask)


def encode_header(opcode: int, length: int) -> bytes:
    """Return the header of a whole message in one frame that isn't masked.

    Args:
        opcode: one of `Opcode`.
        length: the number of bytes of the payload, which follow the header.
    """
    return _header(0x80 | opcode, length, 0)


def _header(first: int, length: int, mask_bit: int) -> bytes:
    # Section 5.2: "the minimal number of bytes MUST be used to encode the length".
    if length < 126:
        return _SHORT.pack(first, mask_bit | length)
    if length < 1 << 16:
        return _MEDIUM.pack(first, mask_bit | 126, length)
    return _LONG.pack(first, mask_bit | 127, length)
