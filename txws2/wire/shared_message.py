"""A message for many connections, encoded once for each kind of them."""

from __future__ import annotations

from txws2.wire.encoder import MessageEncoder, Part
from txws2.wire.frames import encode_frame

__all__ = ["SharedMessage"]


class SharedMessage:
    """A message that a server sends on many connections.

    What was agreed on for compressing decides the kind of a connection: all that have agreed on
    the same get the same bytes.

    Args:
        message: the message; the others are as for `Connection.send_message`.
        text: True to send bytes that are UTF-8 as text, False to send a str as binary.
        compress: whether to compress it; None for what its size says.

    Attributes:
        opcode: TEXT or BINARY.
        size: bytes of its payload, before deflating.
        plain: its frame where no compression was agreed on.

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
        # Whatever is wrong with it is to show even if nobody is there to get it.
        encoder = MessageEncoder()
        self.plain, _ = self.encoded(encoder)
        self.opcode, self.size = self.plain[0] & 0x0F, encoder.size

    def encoded(self, encoder: MessageEncoder) -> tuple[bytes, bool]:
        """Return the frame for connections with such an encoder, and whether it is compressed."""
        kind = encoder.kind
        frame = self._frames.get(kind)
        if frame is None:
            opcode, payload, rsv1 = encoder.apart(self.message, self.text, self.compress)
            frame = encode_frame(opcode, payload, masked=False, rsv1=rsv1), rsv1
            self._frames[kind] = frame
        return frame
