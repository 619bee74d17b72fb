"""Messages out of data frames (RFC 6455 sections 5.4 and 5.6): fragments, UTF-8, size."""

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

# What a surrogate begins with. The decoder waits for a third byte to name the whole of it.
_SURROGATES = tuple(bytes((0xED, second)) for second in range(0xA0, 0xC0))


def _invalid_utf8() -> ProtocolError:
    # Section 8.1. The codec's own words stay here, as the cause: they are of no use to a peer.
    return ProtocolError("invalid UTF-8 in text message", 1007)


def decode_text(payload: bytes) -> str:
    """Decode the payload of a text message that is whole.

    Raises:
        ProtocolError: with code 1007, it isn't UTF-8.
    """
    try:
        return payload.decode()
    except UnicodeDecodeError as exc:
        raise _invalid_utf8() from exc


class _TextBuffer:
    """Text so far. Fails at the first byte that can't be UTF-8, not at the message's end."""

    __slots__ = ("_decoder", "_text")

    def __init__(self) -> None:
        self._decoder = _Utf8Decoder()
        # One growing buffer: a million fragments of a byte cost what one of a million does.
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
    """Bytes so far, of a message in several frames or of one that was compressed."""

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
    """Puts one message together from frames, and from parts of frames as they arrive.

    Args:
        max_size: bytes that one message may have over all its frames, and once it is inflated;
            None for no limit, and then a peer decides how much memory is used.
        inflater: what inflates compressed messages, if that was agreed on.
        max_fragments: frames that one message may come in, not counting those of which all was
            taken; None for no limit.

    Attributes:
        fragmented: whether a message has begun and not ended.
        missing: bytes of the current frame's payload that haven't arrived.
        last: whether the current frame ends the message.
        waiting: bytes, after inflating, of an unfinished message that haven't been taken.
        taken: whether a part of the unfinished message has been taken.
        decoded: bytes of payload, after inflating, that the latest call has brought.
    """

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
        # Bytes that the frames so far have announced, and bytes that they inflated to.
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
        """Judge a frame by the length of its payload, before any of it is awaited.

        Raises:
            PayloadTooBig: the message would be larger than max_size.
        """
        if self._max_size is None:
            return
        if rsv1 or self._compressed:
            # What can't be compressed grows, with zlib by less than a quarter. Fragments of a
            # few bytes grow more; nothing of them is kept but what they inflate to.
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
        """Start a frame; it starts a message, too, if none is under way.

        Args:
            opcode: TEXT or BINARY for the first frame of a message, CONT for the others.
            length: bytes of its payload.
            rsv1: whether the message that it begins is compressed.
            last: whether it ends the message.
            mask: the masking key, None if there is none.

        Raises:
            PayloadTooBig: the message comes in more than max_fragments.
        """
        self._size += length
        self._length = self.missing = length
        self._mask = mask
        self.last = last
        if not self.fragmented:
            self.fragmented = True
            self._compressed = rsv1
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
        """Take what belongs to the current frame of what has arrived.

        Args:
            data: what has arrived.
            start: where in it the payload begins, or goes on.

        Returns:
            Where in it the frame ends, or all ends.

        Raises:
            ProtocolError: it can't be inflated; or, with code 1007, the text has a byte that
                can't be UTF-8.
            PayloadTooBig: it inflates to more than max_size.
        """
        buffer = self._buffer
        if isinstance(buffer, PayloadBuffer):
            size = self.decoded = buffer.add(data, start)
            self.waiting += size
        else:
            assert buffer is not None
            part = data[start : start + self.missing]
            size = len(part)
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
        """Return what has arrived of the unfinished message; `finish` then has only the rest.

        Of a text, that is whole characters.
        """
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
        """Return the message, or what wasn't taken of it, and be ready for the next.

        Raises:
            ProtocolError: it can't be inflated; or, with code 1007, the text ends within a
                character.
            PayloadTooBig: it inflates to more than max_size.
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
        """Return the message of a single frame, as `begin`, `add` and `finish` would."""
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
