"""The messages in the bytes of a connection, however reads and frames cut them."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any

from txws2._accelerator import PURE, accelerated
from txws2.wire.counts import Tally
from txws2.wire.events import Remainder
from txws2.wire.exceptions import PayloadTooBig, ProtocolError
from txws2.wire.frames import BINARY, CLOSE, CONT, TEXT, Header, parse_header
from txws2.wire.masking import BytesLike, apply_mask
from txws2.wire.unfinished import Unfinished

__all__ = ["MOST_GROWTH", "Decoder"]

if not TYPE_CHECKING:
    # This class counts with the attributes of Tally's twin in Python.
    Tally = PURE["Tally"]

# The first bytes of the frames of ordinary messages. RFC 6455 section 5.4: "An unfragmented message
# consists of a single frame with the FIN bit set (Section 5.2) and an opcode other than 0." RSV1 to
# RSV3 aren't set.
_TEXT = 0x80 | TEXT
_BINARY = 0x80 | BINARY

# Section 5.2: the lengths 126 and 127 announce an extended length. Each has here the size of that
# in bytes, and the least value that needs so many bytes.
_EXTENDED = {126: (2, 126), 127: (8, 1 << 16)}

# The most bytes of a header.
_HEADER_SIZE = 14

MOST_GROWTH = 256 * 1024
"""Decoding stops for a moment when messages have so many bytes more than the data they came in."""

# A message may be larger than this. So it is inflated in pieces, of so many bytes before that.
_LARGE = 4 * 1024 * 1024
_PIECE_SIZE = 4096


@accelerated
class Decoder(Tally):
    """Decodes and counts messages; keeps one whose end hasn't come.

    It reads data frames that obey the rules. Any other frame is left to the subclass.

    Attributes:
        max_size: the largest message, in bytes over all its frames, and after inflating; None for
            no limit, and then a peer decides how much memory is used.
        max_fragments: the most frames of one message, not counting those before a part was taken;
            None for no limit.
        inflates: whether compressed messages may come.
        inflater: the `Inflater`, for a subclass; None before the first compressed message.
        ordinary_in: whether the next bytes may be decoded by `decode` alone.
        discarding: whether all further bytes of the peer are discarded.
        held: the beginning of a frame whose header isn't complete, or of a control frame.
    """

    # Section 10.4: implementations that have limits "MUST protect themselves against exceeding
    # those limits." Its examples are "a single big frame (e.g., of size 2**60)" and "a long stream
    # of small frames that are a part of a fragmented message"; max_size is for the first,
    # max_fragments for the second.

    __slots__ = (
        "_message",
        "discarding",
        "held",
        "inflater",
        "inflates",
        "max_fragments",
        "max_size",
        "ordinary_in",
    )

    def __init__(self) -> None:
        super().__init__()
        self.max_size: int | None = None
        self.max_fragments: int | None = None
        self.inflates = self.ordinary_in = self.discarding = False
        self.held = b""
        self.inflater: Any = None
        self._message: Unfinished | None = None

    def decode(self, data: BytesLike, position: int, messages: list[Any], /) -> int:
        """Decode messages up to the first frame that isn't a right part of one.

        Such a frame is a control frame, or breaks a rule of sections 5.1 to 5.5. A message whose
        end hasn't come is kept. If compressed messages are more than 256 KiB larger than the data,
        they are the last: DEFLATE makes 1,032 bytes of one at most.

        Args:
            data: the bytes that have arrived.
            position: the position at which a frame begins or goes on.
            messages: the list that messages are appended to: a str for text, bytes for binary, a
                `Remainder` if a part was taken.

        Returns:
            The position of that frame, without the bytes that are `held`; or the end of the data;
            or the position behind messages that are so much larger.

        Raises:
            ProtocolError: a text isn't UTF-8, or a message can't be inflated.
            PayloadTooBig: a message is too large, or has too many frames.
        """
        if not isinstance(data, bytes):
            data = bytes(memoryview(data))
        if not isinstance(messages, list):
            raise TypeError(f"messages is a list, not {type(messages).__name__}")
        end = len(data)
        position = index(position)
        if not 0 <= position <= end:
            raise ValueError(f"a position is from 0 to {end}, not {position}")
        most = self.payload_in - position + MOST_GROWTH
        while position < end and self.payload_in - position <= most:
            if self._message is not None and self._message.missing:
                position = self._read_payload(self._message, data, position, messages)
                continue
            if self._message is None and not self.held:
                position = self._decode_ordinary(data, position, messages)
                if position == end:
                    break
            after = self._read_data_frame(data, position, messages)
            if after is None:
                break
            position = after
        return position

    @property
    def missing(self) -> int:
        """The number of bytes of the current frame's payload that haven't arrived."""
        return 0 if self._message is None else self._message.missing

    @property
    def fragmented(self) -> bool:
        """True if a message has begun and not ended."""
        return self._message is not None

    @property
    def unfinished(self) -> int:
        """The number of bytes that have come of a message that hasn't ended."""
        return 0 if self._message is None else self._message.waiting

    def take_part(self) -> str | bytes:
        """Return the part of the unfinished message that has come.

        The part isn't kept, so a message may be larger than memory. A text is cut between two
        characters. At the end of the message, there is a `Remainder` in place of the message
        itself.
        """
        if self._message is None:
            raise ValueError("no message is unfinished")
        return self._message.take()

    def _decode_ordinary(self, data: bytes, position: int, messages: list[Any]) -> int:
        """Decode messages that are whole in the data, and in one frame each."""
        before = len(messages)
        end = len(data)
        most = end if self.max_size is None else index(self.max_size)
        masked = not self.client
        mask_bit = 0x80 if masked else 0
        append, from_bytes = messages.append, int.from_bytes
        texts = size = 0

        # This is one loop, because a connection without the accelerator spends its time here. It
        # calls no function of ours for a small message: the call of apply_mask alone adds 0.28 us
        # to the 0.42 us that a message of 32 bytes takes.
        while end - position >= 2:
            first = data[position]
            if first != _TEXT and first != _BINARY:
                break
            # Section 5.1: "a client MUST mask all frames that it sends to the server", and "A
            # server MUST NOT mask any frames that it sends to the client." With the wrong mask
            # bit, this number is over 127.
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
            # Section 8.1: a text that isn't UTF-8 fails the connection. `_read_payload` finds it
            # again, and raises the exception.
            if first == _TEXT:
                try:
                    append(payload.decode())
                except UnicodeDecodeError:
                    break
                texts += 1
            else:
                append(payload)
            size += length
            position = stop
        self._texts_in += texts
        self._binaries_in += len(messages) - before - texts
        self.payload_in += size
        return position

    def _read_data_frame(self, data: bytes, position: int, messages: list[Any]) -> int | None:
        """Read as much of a data frame as has come; return its end, None for any other frame."""
        message, held = self._message, self.held
        start = position - len(held)
        head = held + data[position : position + _HEADER_SIZE]
        if head[0] & CLOSE:
            # No frame of a message has an opcode of control frames.
            return None
        try:
            header = parse_header(
                head,
                0,
                masked=not self.client,
                fragmented=message is not None,
                compressible=self.inflates,
            )
        except ProtocolError:
            return None
        if header is None:
            self.held = head
            return len(data)
        self._check(header, message)
        self.held = b""
        if message is None:
            message = self._message = Unfinished(header.opcode, header.rsv1)
        elif header.opcode == CONT:
            self.count_in(CONT, 0)
        message.begin(header)
        return self._read_payload(message, data, start + header.end, messages)

    def _check(self, header: Header, message: Unfinished | None) -> None:
        """Check a frame's length, before any of its payload is awaited."""
        before = 0 if message is None else message.size
        most, length = self.max_size, header.length
        # Section 7.4.1: 1009 is for "a message that is too big for it to process." A header
        # announces the size, so a message that is too large costs no memory at all.
        if most is not None:
            if most < 0:
                raise PayloadTooBig(length, most)
            if header.rsv1 or (message is not None and message.compressed):
                # max_size is the limit after inflating. A payload that can't be compressed grows,
                # with zlib by less than a quarter, so that much more may come. Fragments of a few
                # bytes grow more; but only the bytes that they inflate to are kept.
                if length > most + most // 4 + 64:
                    raise PayloadTooBig(length, most)
            elif before + length > most:
                raise PayloadTooBig(before + length, most)
        fragments = 1 if message is None else message.fragments + 1
        if self.max_fragments is not None and fragments > self.max_fragments:
            raise PayloadTooBig(fragments, self.max_fragments, "fragments")

    def _read_payload(
        self, message: Unfinished, data: bytes, position: int, messages: list[Any]
    ) -> int:
        """Read as much of the current frame's payload as has come; return the position after it."""
        size = message.missing
        if message.compressed and (self.max_size is None or self.max_size > _LARGE):
            # Decoding may stop between two pieces.
            size = min(size, _PIECE_SIZE)
        part = message.unmask(data[position : position + size])
        position += len(part)
        # Section 6.2: "When the last fragment is received as indicated by the FIN bit (frame-fin),
        # it is said that _A WebSocket Message Has Been Received_".
        ends = message.last and not message.missing
        if message.compressed:
            part = self.inflate_part(part, message.decoded, ends)
        message.add(part)
        self.payload_in += len(part)
        if ends:
            whole = message.finish()
            self._message = None
            self.count_in(message.opcode, 0)
            messages.append(Remainder(whole) if message.taken else whole)
        return position

    # The subclass provides this.

    def inflate_part(self, part: bytes, before: int, last: bool) -> bytes:
        """Inflate a part of a message.

        Args:
            part: the next bytes of the payload.
            before: the number of bytes that the parts before it inflated to.
            last: whether these bytes end the message.

        Raises:
            ProtocolError: the payload isn't DEFLATE.
            PayloadTooBig: the message inflates to more than max_size.
        """
        raise NotImplementedError
