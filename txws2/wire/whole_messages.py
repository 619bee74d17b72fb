"""Whole messages in one frame each, as nearly all are: the short way in, and out."""

from __future__ import annotations

from operator import index

from txws2._accelerator import accelerated
from txws2.wire.exceptions import ProtocolError
from txws2.wire.frames import BINARY, TEXT, encode_frame, parse_header
from txws2.wire.masking import BytesLike, apply_mask

__all__ = ["as_payload", "decode_messages", "encode_message", "take_compressed"]

# The first bytes of the two frames in question: FIN is set, RSV1 to RSV3 aren't.
_TEXT = 0x80 | TEXT
_BINARY = 0x80 | BINARY

# Section 5.2: 126 and 127 announce another length. It has so many bytes, and is at least so much.
_EXTENDED = {126: (2, 126), 127: (8, 1 << 16)}

# RFC 7692 section 6: with RSV1 set, too, they begin a compressed message.
_COMPRESSED = (0x40 | _TEXT, 0x40 | _BINARY)


@accelerated
def decode_messages(
    data: BytesLike,
    position: int,
    masked: bool,
    max_size: int | None,
    messages: list[str | bytes],
    /,
) -> int:
    """Decode ordinary messages up to the first frame that is anything else.

    That frame may be incomplete, a control frame, a fragment, compressed, too large or wrong.
    It is for others to find out; here, nothing that a peer sends raises an exception. The caller
    sees to it that no fragmented message is under way.

    Args:
        data: what has arrived.
        position: where in it a frame begins.
        masked: whether the peer must mask: True when it is a client (section 5.1).
        max_size: bytes that a message may have, None for no limit.
        messages: where messages are appended, a str for text, bytes for binary.

    Returns:
        Where the first frame that wasn't decoded begins.
    """
    if not isinstance(data, bytes):
        data = bytes(memoryview(data))
    if not isinstance(messages, list):
        raise TypeError(f"messages is a list, not {type(messages).__name__}")
    end = len(data)
    position = index(position)
    if not 0 <= position <= end:
        raise ValueError(f"a position is from 0 to {end}, not {position}")
    most = end if max_size is None else index(max_size)
    mask_bit = 0x80 if masked else 0
    append, from_bytes = messages.append, int.from_bytes

    # This is one loop, because a connection without the accelerator spends its time here. It calls
    # no function of ours for a small message: the call of apply_mask alone adds 0.28 us to the
    # 0.42 us that a message of 32 bytes takes.
    while end - position >= 2:
        first = data[position]
        if first != _TEXT and first != _BINARY:
            break
        # Section 5.1: a client MUST mask, a server MUST NOT. With the wrong bit, this is over 127.
        length = data[position + 1] ^ mask_bit
        start = position + 2
        if length > 125:
            if length > 127:
                break
            width, shortest = _EXTENDED[length]
            start += width
            length = from_bytes(data[position + 2 : start])
            # Section 5.2: the minimal number of bytes MUST be used to encode the length.
            if length < shortest:
                break
        if masked:
            start += 4
        stop = start + length
        if stop > end or length > most:
            break
        payload = data[start:stop]
        if masked:
            mask = data[start - 4 : start]
            if length <= 128:
                # This is what apply_mask does.
                stream = (mask * 32)[:length]
                number = from_bytes(payload) ^ from_bytes(stream)
                payload = number.to_bytes(length)
            else:
                payload = apply_mask(payload, mask)
        if first == _TEXT:
            try:
                append(payload.decode())
            except UnicodeDecodeError:
                break
        else:
            append(payload)
        position = stop
    return position


@accelerated
def encode_message(message: str | bytes, masked: bool, /) -> bytes:
    """Return the frame of a message.

    Args:
        message: a str is sent as text, bytes as binary.
        masked: whether to mask it with a fresh key: a client must, a server must not.

    Raises:
        TypeError: the message is neither str nor bytes.
        UnicodeEncodeError: the text has a lone surrogate, so it can't be UTF-8.
    """
    opcode, payload = as_payload(message)
    return encode_frame(opcode, payload, masked=masked)


def as_payload(message: str | bytes) -> tuple[int, bytes]:
    """Return TEXT or BINARY, and the payload that a message is as such.

    Raises:
        TypeError: the message is neither str nor bytes.
        UnicodeEncodeError: the text has a lone surrogate, so it can't be UTF-8.
    """
    if isinstance(message, str):
        return TEXT, message.encode()
    if isinstance(message, bytes):
        return BINARY, message
    raise TypeError(f"a message is str or bytes, not {type(message).__name__}")


@accelerated
def take_compressed(
    data: BytesLike, position: int, masked: bool, max_size: int | None, /
) -> tuple[int, bytes, int] | None:
    """Take the compressed message off that begins at a position, if it is whole and in one frame.

    What is no such message is for others to judge, as with `decode_messages`, and the caller sees
    to the same, and that permessage-deflate was agreed on.

    Args:
        data: what has arrived.
        position: where in it a frame begins.
        masked: whether the peer must mask: True when it is a client (section 5.1).
        max_size: bytes that the payload may have before it is inflated, None for no limit.

    Returns:
        TEXT or BINARY, the payload as it was compressed, and where the next frame begins; None
        if anything else is there.
    """
    if not isinstance(data, bytes):
        data = bytes(memoryview(data))
    end = len(data)
    position = index(position)
    if not 0 <= position <= end:
        raise ValueError(f"a position is from 0 to {end}, not {position}")
    most = end if max_size is None else index(max_size)
    if position == end or data[position] not in _COMPRESSED:
        return None
    try:
        header = parse_header(data, position, masked=masked, fragmented=False, compressible=True)
    except ProtocolError:
        return None
    if header is None:
        return None
    stop = header.end + header.length
    if stop > end or header.length > most:
        return None
    payload = data[header.end : stop]
    if header.mask is not None:
        payload = apply_mask(payload, header.mask)
    return header.opcode, payload, stop
