"""Messages from data frames (RFC 6455 sections 5.4 and 5.6): fragments, UTF-8, size."""

from __future__ import annotations

import codecs
from io import StringIO

from txws2.wire.deflater import Inflater
from txws2.wire.exceptions import PayloadTooBig, ProtocolError
from txws2.wire.frames import TEXT
from txws2.wire.masking import apply_mask
from txws2.wire.payload import PayloadBuffer

__all__ = ["MessageAssembler", "decode_text"]

_Utf8Decoder = codecs.getincrementaldecoder("utf-8")

# The first two bytes of each surrogate (RFC 3629 section 3: "The definition of UTF-8 prohibits
# encoding character numbers between U+D800 and U+DFFF"). Python's decoder waits for the third byte
# before it complains; here, two are enough.
_SURROGATES = tuple(bytes((0xED, second)) for second in range(0xA0, 0xC0))


def _invalid_utf8() -> ProtocolError:
    # Section 8.1: an endpoint that finds no valid UTF-8 "MUST _Fail the WebSocket Connection_."
    # Section 7.4.1 has the code 1007 for "non-UTF-8 [RFC3629] data within a text message". The
    # codec's own words stay in the cause: they are of no use to a peer.
    return ProtocolError("invalid UTF-8 in text message", 1007)


def decode_text(payload: bytes) -> str:
    """Decode the payload of a whole text message.

    Raises:
        ProtocolError: with code 1007, the payload isn't UTF-8.
    """
    try:
        return payload.decode()
    except UnicodeDecodeError as exc:
        raise _invalid_utf8() from exc


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
            raise _invalid_utf8() from exc
        if self._decoder.getstate()[0] in _SURROGATES:
            raise _invalid_utf8()

    def take(self) -> str:
        text = self._text.getvalue()
        self._text = StringIO()
        return text

    def finish(self) -> str:
        try:
            self._decoder.decode(b"", True)
        except UnicodeDecodeError as exc:
            raise _invalid_utf8() from exc
        return self._text.getvalue()


class _BinaryBuffer:
    """The bytes so far of a binary message that is fragmented or compressed."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()

    def add(self, payload: bytes) -> None:
        self._data += payload

    def take(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data

    def finish(self) -> bytes:
        return bytes(self._data)


class MessageAssembler:
    """Assembles one message from frames, and from parts of frames as they arrive.

    Args:
        max_size: the largest message, in bytes over all its frames, and after inflating; None
            for no limit, and then a peer decides how much memory is used.
        inflater: inflates compressed messages; None if no compression was negotiated.
        max_fragments: the most frames of one message, not counting those whose whole payload was
            taken; None for no limit.

    Attributes:
        fragmented: whether a message has begun and not ended.
        missing: the number of bytes of the current frame's payload that haven't arrived.
        last: whether the current frame ends the message.
        waiting: the number of bytes of the unfinished message that haven't been taken, after
            inflating.
        taken: whether a part of the unfinished message has been taken.
        decoded: the number of bytes of payload, after inflating, that the latest call has brought.
    """

    # Section 10.4: implementations that have limits "MUST protect themselves against exceeding
    # those limits." Its examples are "a single big frame (e.g., of size 2**60)" and "a long stream
    # of small frames that are a part of a fragmented message"; max_size is for the first,
    # max_fragments for the second.

    __slots__ = (
        "_buffer",
        "_compressed",
        "_fragments",
        "_inflated",
        "_inflater",
        "_length",
        "_mask",
        "_max_fragments",
        "_max_size",
        "_size",
        "decoded",
        "fragmented",
        "last",
        "missing",
        "taken",
        "waiting",
    )

    def __init__(
        self,
        max_size: int | None,
        inflater: Inflater | None = None,
        max_fragments: int | None = None,
    ) -> None:
        self._max_size = max_size
        self._max_fragments = max_fragments
        self._inflater = inflater
        self._buffer: _TextBuffer | _BinaryBuffer | PayloadBuffer | None = None
        self._mask: bytes | None = None
        self._length = 0
        # The bytes that the frames so far have announced, and the bytes that they inflated to.
        self._size = 0
        self._inflated = 0
        self._fragments = 0
        self._compressed = False
        self.fragmented = False
        self.missing = 0
        self.last = False
        self.waiting = 0
        self.decoded = 0
        self.taken = False

    def check(self, length: int, rsv1: bool = False) -> None:
        """Check the length of a frame's payload, before any of the payload is awaited.

        Raises:
            PayloadTooBig: the message would be larger than max_size.
        """
        # Section 7.4.1: 1009 is for "a message that is too big for it to process." A header
        # announces the size, so a message that is too large costs no memory at all.
        if self._max_size is None:
            return
        if rsv1 or self._compressed:
            # max_size is the limit after inflating. A payload that can't be compressed grows,
            # with zlib by less than a quarter, so that much more may come. Fragments of a few
            # bytes grow more; but only the bytes that they inflate to are kept.
            if length > self._max_size + self._max_size // 4 + 64:
                raise PayloadTooBig(length, self._max_size)
        elif self._size + length > self._max_size:
            raise PayloadTooBig(self._size + length, self._max_size)

    def begin(
        self,
        opcode: int,
        length: int,
        rsv1: bool = False,
        *,
        last: bool = False,
        mask: bytes | None = None,
    ) -> None:
        """Begin a frame; it begins a message, too, if no message is unfinished.

        Args:
            opcode: TEXT or BINARY for the first frame of a message, CONT for the others.
            length: the payload's length in bytes.
            rsv1: whether the frame begins a compressed message.
            last: whether the frame ends the message.
            mask: the masking key, None if there is none.

        Raises:
            PayloadTooBig: the message has more than max_fragments frames.
        """
        self._size += length
        self._length = self.missing = length
        self._mask = mask
        self.last = last
        if not self.fragmented:
            self.fragmented = True
            # RFC 7692 section 6: RSV1 of the first frame holds for the whole message.
            self._compressed = rsv1
            # RFC 6455 section 5.4: "all fragments of a message are of the same type, as set by
            # the first fragment's opcode."
            if opcode == TEXT:
                self._buffer = _TextBuffer()
            elif last and not rsv1:
                self._buffer = PayloadBuffer(length, mask)
            else:
                self._buffer = _BinaryBuffer()
        self._fragments += 1
        if self._max_fragments is not None and self._fragments > self._max_fragments:
            raise PayloadTooBig(self._fragments, self._max_fragments, "fragments")

    def add(self, data: bytes, start: int = 0) -> int:
        """Add the bytes of the current frame's payload that have arrived.

        Args:
            data: the bytes that have arrived.
            start: the position at which the payload begins, or goes on.

        Returns:
            The position at which the frame ends, or the data.

        Raises:
            ProtocolError: the payload can't be inflated; or, with code 1007, the text has a byte
                that can't be UTF-8.
            PayloadTooBig: the message inflates to more than max_size.
        """
        buffer = self._buffer
        if isinstance(buffer, PayloadBuffer):
            size = self.decoded = buffer.add(data, start)
            self.waiting += size
        else:
            assert buffer is not None
            part = data[start : start + self.missing]
            size = len(part)
            # Section 5.3: a byte is masked by the byte "at index i modulo 4 of the masking key",
            # counted from the beginning of the frame's payload.
            if self._mask is not None:
                part = apply_mask(part, self._mask, self._length - self.missing)
            if self._compressed:
                part = self._inflate(part, last=False)
            buffer.add(part)
            self.decoded = len(part)
            self.waiting += self.decoded
        self.missing -= size
        return start + size

    def take(self) -> str | bytes:
        """Return the bytes, or the characters, of the unfinished message that have arrived.

        `finish` then returns the rest only. A text is cut between two characters.
        """
        # Section 5.4: "a receiver doesn't have to buffer the whole frame in order to process it.
        # For example, if a streaming API is used, a part of a frame can be delivered to the
        # application." Fragments are counted anew from here: those before take no memory now.
        buffer = self._buffer
        assert buffer is not None
        self.taken = True
        self.waiting = self._fragments = 0
        if not isinstance(buffer, PayloadBuffer):
            return buffer.take()
        mask = self._mask
        if mask is not None:
            turn = (self._length - self.missing) % 4
            mask = mask[turn:] + mask[:turn]
        self._buffer = PayloadBuffer(self.missing, mask)
        return buffer.finish()

    def finish(self) -> str | bytes:
        """Return the message, or the rest of it that wasn't taken, and be ready for the next.

        Raises:
            ProtocolError: the message can't be inflated; or, with code 1007, the text ends
                within a character.
            PayloadTooBig: the message inflates to more than max_size.
        """
        buffer = self._buffer
        assert buffer is not None
        self.decoded = 0
        if self._compressed:
            part = self._inflate(b"", last=True)
            buffer.add(part)
            self.decoded = len(part)
        message = buffer.finish()
        self._buffer = None
        self._compressed = self.fragmented = self.taken = False
        self._size = self._inflated = self._fragments = self.waiting = 0
        return message

    def whole(self, opcode: int, payload: bytes, rsv1: bool = False) -> str | bytes:
        """Return the message of a single frame, as `begin`, `add` and `finish` would do."""
        if rsv1:
            assert self._inflater is not None
            payload = self._inflater.finish(self._max_size, payload)
        self.decoded = len(payload)
        return decode_text(payload) if opcode == TEXT else payload

    def _inflate(self, part: bytes, *, last: bool) -> bytes:
        inflater = self._inflater
        assert inflater is not None
        room = None if self._max_size is None else self._max_size - self._inflated
        try:
            data = inflater.finish(room, part) if last else inflater.inflate(part, room)
        except PayloadTooBig as exc:
            assert self._max_size is not None
            raise PayloadTooBig(self._inflated + exc.size, self._max_size) from None
        self._inflated += len(data)
        return data
