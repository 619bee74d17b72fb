"""The payloads of messages that are sent (RFC 6455 section 5.6, RFC 7692 section 7.2.1)."""

from __future__ import annotations

from collections.abc import Mapping

from txws2.wire.deflater import Deflater
from txws2.wire.exceptions import InvalidState
from txws2.wire.frames import BINARY, CONT, TEXT

__all__ = ["Encoded", "MessageEncoder", "Part", "not_a_message"]

Part = str | bytes | bytearray | memoryview
"""A whole message, or a part of one."""

Encoded = tuple[int, bytes, bool]
"""The opcode and the payload of a data frame, and its RSV1 bit: its message is compressed."""


class MessageEncoder:
    """Makes the payloads of data frames.

    Args:
        deflater: compresses messages; None if no compression was negotiated.
        threshold: messages of fewer bytes aren't compressed.

    Attributes:
        size: the length in bytes of the latest message, or part of one, before deflating.
    """

    __slots__ = ("_deflater", "_sending", "_threshold", "size")

    def __init__(self, deflater: Deflater | None = None, threshold: int = 0) -> None:
        self._deflater = deflater
        self._threshold = threshold
        # The opcode of the fragmented message that is being sent, and whether it is compressed.
        self._sending: tuple[int, bool] | None = None
        self.size = 0

    def whole(self, message: Part, text: bool | None, compress: bool | None) -> Encoded:
        """Encode a whole message; `Connection.send_message` describes the arguments."""
        if self._sending is not None:
            # Section 5.4: "The fragments of one message MUST NOT be interleaved between the
            # fragments of another message".
            raise InvalidState("a fragmented message is being sent; send its last part first")
        opcode, payload = self._encode(message, text)
        if not self._compresses(payload, compress):
            return opcode, payload, False
        assert self._deflater is not None
        return opcode, self._deflater.compress(payload), True

    def compress(self, payload: bytes) -> bytes:
        """Compress the payload of a whole message, while no fragmented one is being sent."""
        assert self._deflater is not None
        return self._deflater.compress(payload)

    @property
    def kind(self) -> tuple[int, ...]:
        """A key: encoders with equal keys encode a message `apart` to the same bytes."""
        return () if self._deflater is None else (self._threshold, *self._deflater.kind)

    def apart(self, message: Part, text: bool | None, compress: bool | None) -> Encoded:
        """Encode a whole message for all encoders of this kind.

        The payload refers to no message before it.
        """
        opcode, payload = self._encode(message, text)
        if not self._compresses(payload, compress):
            return opcode, payload, False
        assert self._deflater is not None
        return opcode, self._deflater.compress_apart(payload), True

    def sent_apart(self, compressed: bool) -> None:
        """Note that a message goes out that another encoder has encoded `apart`.

        Raises:
            InvalidState: a fragmented message is being sent.
        """
        if self._sending is not None:
            raise InvalidState("a fragmented message is being sent; send its last part first")
        if compressed:
            # With context takeover (RFC 7692 section 7.1.1), the peer's window ends with this
            # message now, which our own compressor hasn't seen.
            assert self._deflater is not None
            self._deflater.forget()

    def _compresses(self, payload: bytes, compress: bool | None) -> bool:
        # RFC 7692 section 6 lets the sender decide for each message. Small ones hardly shrink,
        # and cost both sides time.
        if compress is None:
            compress = len(payload) >= self._threshold
        return compress and self._deflater is not None

    def part(self, part: Part, text: bool | None, compress: bool | None, last: bool) -> Encoded:
        """Encode the next part of a message; `Connection.send_fragment` describes the arguments."""
        opcode, payload = self._encode(part, text)
        first = self._sending is None
        # The threshold doesn't count here: nobody knows yet how long the message becomes.
        if self._sending is None:
            compressed = compress is not False and self._deflater is not None
        else:
            begun, compressed = self._sending
            # Section 5.4: "all fragments of a message are of the same type, as set by the first
            # fragment's opcode."
            if opcode != begun:
                raise TypeError("the parts of a message are all str, or all bytes-like")
        self._sending = None if last else (opcode, compressed)
        if compressed:
            assert self._deflater is not None
            payload = self._deflater.compress(payload, last)
        # Section 5.4: the first frame has "an opcode other than 0", the others 0. RFC 7692
        # section 6 has RSV1 in the first frame only.
        return opcode if first else CONT, payload, compressed and first

    def rest(self) -> None:
        """Give back the memory that hasn't been used since the last call."""
        if self._deflater is not None:
            self._deflater.rest()

    def end(self) -> None:
        """Give all memory back: no message will follow."""
        if self._deflater is not None:
            self._deflater.end()

    def _encode(self, message: Part, text: bool | None) -> tuple[int, bytes]:
        opcode, payload = _encode(message, text)
        self.size = len(payload)
        return opcode, payload


def not_a_message(message: object) -> TypeError:
    """Return the exception for an object that can't be sent; it says how to make a message."""
    kind = type(message).__name__
    if isinstance(message, (Mapping, list, tuple, set)):
        instead = "json.dumps() makes a str of it"
    elif hasattr(message, "__await__"):
        instead = "await it, and send its result"
    elif message is None:
        instead = "does a function return nothing?"
    else:
        instead = "str() makes a str of it"
    return TypeError(f"a message is str or bytes-like, not {kind}; {instead}")


def _encode(message: Part, text: bool | None) -> tuple[int, bytes]:
    # Section 6.1: the opcode "MUST be set to the appropriate value from Section 5.2 for data that
    # is to be interpreted by the recipient as text or binary data." The type of the message
    # chooses it, unless the caller does.
    if isinstance(message, str):
        return BINARY if text is False else TEXT, message.encode()
    if not isinstance(message, bytes):
        if not isinstance(message, (bytearray, memoryview)):
            raise not_a_message(message)
        message = bytes(message)
    if not text:
        return BINARY, message
    # Section 5.6: "the whole message MUST contain valid UTF-8." The peer would fail the
    # connection otherwise, so bytes that an application has encoded itself are checked.
    message.decode()
    return TEXT, message
