"""A message for many connections, encoded once for each kind of connection."""

from __future__ import annotations

from txws2.wire.encoder import MessageEncoder, Part
from txws2.wire.frames import encode_frame

__all__ = ["SharedMessage"]


class SharedMessage:
    """A message that a server sends on many connections.

    The negotiated compression decides the kind of a connection: connections with the same
    parameters get the same bytes.

    Args:
        message: the message; this and the others are as for `Connection.send_message`.
        text: True to send bytes that are UTF-8 as text, False to send a str as binary.
        compress: whether to compress the message; None to let its size decide.

    Attributes:
        opcode: TEXT or BINARY.
        size: the payload's length in bytes, before deflating.
        plain: the frame for connections without compression.

    Raises:
        TypeError: the message is neither str nor bytes-like.
        UnicodeError: the text can't be UTF-8.
    """

    def __init__(
        self, message: Part, text: bool | None = None, compress: bool | None = None
    ) -> None:
        self.message = message
        self.text = text
        self.compress = compress
        self._frames: dict[tuple[int, ...], tuple[bytes, bool]] = {}
        # RFC 6455 section 5.1: "A server MUST NOT mask any frames that it sends to the client."
        # So one frame fits many connections of a server; a client can share none (section 5.3).
        # The plain frame is made at once, so that a wrong message raises its exception even if no
        # connection is there to get it.
        encoder = MessageEncoder()
        self.plain, _ = self.encoded(encoder)
        self.opcode, self.size = self.plain[0] & 0x0F, encoder.size

    def encoded(self, encoder: MessageEncoder) -> tuple[bytes, bool]:
        """Return the frame for connections with such an encoder, and whether it is compressed."""
        # With context takeover (RFC 7692 section 7.1.1), a message may refer to those before it on
        # the same connection. A frame for several connections can't (`MessageEncoder.apart`).
        kind = encoder.kind
        frame = self._frames.get(kind)
        if frame is None:
            opcode, payload, rsv1 = encoder.apart(self.message, self.text, self.compress)
            frame = encode_frame(opcode, payload, masked=False, rsv1=rsv1), rsv1
            self._frames[kind] = frame
        return frame
