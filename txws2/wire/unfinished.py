"""A message whose end hasn't come (RFC 6455 sections 5.4 and 5.6): fragments, UTF-8."""

from __future__ import annotations

import codecs
from io import StringIO

from txws2.wire.exceptions import ProtocolError
from txws2.wire.frames import TEXT, Header
from txws2.wire.masking import apply_mask

__all__ = ["Unfinished", "invalid_utf8"]

_Utf8Decoder = codecs.getincrementaldecoder("utf-8")

# The first two bytes of each surrogate (RFC 3629 section 3: "The definition of UTF-8 prohibits
# encoding character numbers between U+D800 and U+DFFF"). Python's decoder waits for the third byte
# before it complains; here, two are enough.
_SURROGATES = tuple(bytes((0xED, second)) for second in range(0xA0, 0xC0))


def invalid_utf8() -> ProtocolError:
    """Return the exception for a text that isn't UTF-8."""
    # Section 8.1: an endpoint that finds no valid UTF-8 "MUST _Fail the WebSocket Connection_."
    # Section 7.4.1 has the code 1007 for "non-UTF-8 [RFC3629] data within a text message". The
    # codec's own words stay in the cause: they are of no use to a peer.
    return ProtocolError("invalid UTF-8 in text message", 1007)


class _TextBuffer:
    """The text of a message so far; the first byte that can't be UTF-8 raises an exception."""

    # Section 5.6: "a particular text frame might include a partial UTF-8 sequence; however, the
    # whole message MUST contain valid UTF-8." So the decoder keeps its state from frame to frame.
    # Why not wait for the end: a peer could keep a wrong message growing up to max_size.
    __slots__ = ("_decoder", "_text")

    def __init__(self) -> None:
        self._decoder = _Utf8Decoder()
        # One buffer that grows. A million fragments of a byte cost as much as one fragment of a
        # million bytes.
        self._text = StringIO()

    def add(self, payload: bytes) -> None:
        try:
            self._text.write(self._decoder.decode(payload))
        except UnicodeDecodeError as exc:
            raise invalid_utf8() from exc
        if self._decoder.getstate()[0] in _SURROGATES:
            raise invalid_utf8()

    def take(self) -> str:
        text = self._text.getvalue()
        self._text = StringIO()
        return text

    def finish(self) -> str:
        try:
            self._decoder.decode(b"", True)
        except UnicodeDecodeError as exc:
            raise invalid_utf8() from exc
        return self._text.getvalue()


class _BinaryBuffer:
    """The bytes so far of a binary message."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()

    def add(self, payload: bytes) -> None:
        self._data += payload

    def take(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data

    finish = take


class Unfinished:
    """A message of which some frames have come, or a part of a frame.

    A length that a header announces takes no memory. Memory grows with the bytes that arrive.

    Args:
        opcode: TEXT or BINARY.
        compressed: whether the message is compressed. RFC 7692 section 6: RSV1 of the first frame
            holds for the whole message.

    Attributes:
        size: the number of bytes that its frames have announced.
        fragments: the number of its frames, since a part was last taken.
        missing: the number of bytes of the current frame's payload that haven't arrived.
        last: whether the current frame ends the message.
        decoded: the number of bytes that have come, after inflating.
        waiting: the number of these that haven't been taken.
        taken: whether a part has been taken.
    """

    __slots__ = (
        "_buffer",
        "_length",
        "_mask",
        "compressed",
        "decoded",
        "fragments",
        "last",
        "missing",
        "opcode",
        "size",
        "taken",
        "waiting",
    )

    def __init__(self, opcode: int, compressed: bool) -> None:
        # RFC 6455 section 5.4: "all fragments of a message are of the same type, as set by the
        # first fragment's opcode."
        self.opcode = opcode
        self.compressed = compressed
        self._buffer = _TextBuffer() if opcode == TEXT else _BinaryBuffer()
        self._mask: bytes | None = None
        self._length = self.missing = self.size = self.fragments = 0
        self.decoded = self.waiting = 0
        self.last = self.taken = False

    def begin(self, header: Header) -> None:
        """Begin the next frame."""
        self._mask = header.mask
        self._length = self.missing = header.length
        self.size += header.length
        self.fragments += 1
        self.last = header.fin

    def unmask(self, payload: bytes) -> bytes:
        """Unmask the next bytes of the frame's payload."""
        # Section 5.3: a byte is masked by the byte "at index i modulo 4 of the masking key",
        # counted from the beginning of the frame's payload.
        offset = self._length - self.missing
        self.missing -= len(payload)
        return payload if self._mask is None else apply_mask(payload, self._mask, offset)

    def add(self, payload: bytes) -> None:
        """Add bytes that were unmasked, and inflated.

        Raises:
            ProtocolError: with code 1007, a byte can't be UTF-8.
        """
        self._buffer.add(payload)
        self.decoded += len(payload)
        self.waiting += len(payload)

    def take(self) -> str | bytes:
        """Return the bytes, or the whole characters, that have come, and keep them no longer."""
        # Section 5.4: "a receiver doesn't have to buffer the whole frame in order to process it.
        # For example, if a streaming API is used, a part of a frame can be delivered to the
        # application." Fragments are counted anew from here: those before take no memory now.
        self.taken = True
        self.waiting = self.fragments = 0
        return self._buffer.take()

    def finish(self) -> str | bytes:
        """Return the message, or the rest of it that wasn't taken.

        Raises:
            ProtocolError: with code 1007, the text ends within a character.
        """
        return self._buffer.finish()
