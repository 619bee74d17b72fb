"""Whole messages in one frame each: nearly all messages are sent so, on the fast path."""

from __future__ import annotations

from txws2._accelerator import accelerated
from txws2.wire.frames import BINARY, TEXT, encode_frame

__all__ = ["as_payload", "encode_message"]


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
