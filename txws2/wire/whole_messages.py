"""Whole messages in one frame each, as nearly all messages are: the short way in, and out."""

from __future__ import annotations

from operator import index

from txws2._accelerator import accelerated
from txws2.wire.exceptions import ProtocolError
from txws2.wire.frames import BINARY, TEXT, encode_frame, parse_header
from txws2.wire.masking import BytesLike, apply_mask

__all__ = ["as_payload", "decode_messages", "encode_message", "take_compressed"]

# The first bytes of the frames of ordinary messages. RFC 6455 section 5.4: "An unfragmented message
# consists of a single frame with the FIN bit set (Section 5.2) and an opcode other than 0." RSV1 to
# RSV3 aren't set.
_TEXT = 0x80 | TEXT
_BINARY = 0x80 | BINARY

# Section 5.2: the lengths 126 and 127 announce an extended length. Each has here the size of that
# in bytes, and the least value that needs so many bytes.
_EXTENDED = {126: (2, 126), 127: (8, 1 << 16)}

# RFC 7692 section 6: with RSV1 set, too, the frame begins a compressed message.
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

    Another frame may be incomplete, a control frame, a fragment, compressed, too large or wrong.
    `FrameReader` reads it. No bytes of a peer raise an exception here. The caller makes sure that
    no fragmented message is unfinished.

    Args:
        data: the bytes that have arrived.
        position: the position at which a frame begins.
        masked: whether the peer must mask: True when it is a client (section 5.1).
        max_size: the largest message, in bytes; None for no limit.
        messages: the list that messages are appended to, a str for text, bytes for binary.

    Returns:
        The position at which the first frame begins that wasn't decoded.
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
        # Section 5.1: "a client MUST mask all frames that it sends to the server", and "A server
        # MUST NOT mask any frames that it sends to the client." With the wrong mask bit, this
        # number is over 127, so the frame is left to `FrameReader`, which refuses it.
        length = data[position + 1] ^ mask_bit
        start = position + 2
        if length > 125:
            if length > 127:
                break
            width, shortest = _EXTENDED[length]
            start += width
            length = from_bytes(data[position + 2 : start])
            # Section 5.2: "the minimal number of bytes MUST be used to encode the length".
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
                # These lines do the same as apply_mask.
                stream = (mask * 32)[:length]
                number = from_bytes(payload) ^ from_bytes(stream)
                payload = number.to_bytes(length)
            else:
                payload = apply_mask(payload, mask)
        # Section 8.1: a text that isn't UTF-8 fails the connection. `FrameReader` finds it again,
        # and raises the exception.
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
        message: the message; a str is sent as text, bytes as binary.
        masked: whether to mask the payload with a fresh key: a client must, a server must not.

    Raises:
        TypeError: the message is neither str nor bytes.
        UnicodeEncodeError: the text has a lone surrogate, so it can't be UTF-8.
    """
    opcode, payload = as_payload(message)
    return encode_frame(opcode, payload, masked=masked)


def as_payload(message: str | bytes) -> tuple[int, bytes]:
    """Return the opcode of a message, TEXT or BINARY, and its payload.

    Raises:
        TypeError: the message is neither str nor bytes.
        UnicodeEncodeError: the text has a lone surrogate, so it can't be UTF-8.
    """
    # Section 5.6: "The "Payload data" is text data encoded as UTF-8."
    if isinstance(message, str):
        return TEXT, message.encode()
    if isinstance(message, bytes):
        return BINARY, message
    raise TypeError(f"a message is str or bytes, not {type(message).__name__}")


@accelerated
def take_compressed(
    data: BytesLike, position: int, masked: bool, max_size: int | None, /
) -> tuple[int, bytes, int] | None:
    """Take off the compressed message at a position, if it is whole and in one frame.

    `FrameReader` reads any other frame, as with `decode_messages`. The caller makes sure that no
    fragmented message is unfinished, and that permessage-deflate was negotiated.

    Args:
        data: the bytes that have arrived.
        position: the position at which a frame begins.
        masked: whether the peer must mask: True when it is a client (section 5.1).
        max_size: the largest payload before inflating, in bytes; None for no limit.

    Returns:
        The opcode TEXT or BINARY, the compressed payload, and the position at which the next frame
        begins; None if anything else is there.
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
