"""What of a connection is ordinary, and how much there was of it all."""

from __future__ import annotations

from txws2._accelerator import accelerated
from txws2.wire.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, encode_frame
from txws2.wire.masking import BytesLike
from txws2.wire.whole_messages import as_payload, decode_messages, encode_message

__all__ = ["Tally"]

_RARE: tuple[int, ...] = (CONT, CLOSE, PING, PONG)


@accelerated
class Tally:
    """What each message passes: it counts, and knows whether the short way may be taken.

    The twin in C has its numbers where `Exchange` finds them at once, so that counting costs less
    than looking these things up did. A frame that few connections see is counted in memory that
    is only taken then.

    Attributes:
        client: whether this end is the client.
        max_size: bytes that one incoming message may have; None for no limit.
        ordinary_in: whether what comes next may be decoded with `decode`: nothing is half
            received, so the next byte begins a message or a control frame.
        ordinary_out: whether what goes out next may be encoded with `encode`: a whole message may
            be sent now.
        deflates: whether `encode` compresses messages of `threshold` bytes and more.
        inflates: whether compressed messages may come, each whole and in one frame, to be inflated
            with `inflate`.
        threshold: see `deflates`.
        deaf: whether nothing that arrives matters any more.
        bytes_in: bytes that have come, all that belongs to frames.
        bytes_out: bytes of the frames that were made to be sent.
        payload_in: bytes of messages that have come, after inflating.
        payload_out: bytes of messages that were to be sent, before deflating.
    """

    __slots__ = (
        "_binaries_in",
        "_binaries_out",
        "_rare",
        "_texts_in",
        "_texts_out",
        "bytes_in",
        "bytes_out",
        "client",
        "deaf",
        "deflates",
        "inflates",
        "max_size",
        "ordinary_in",
        "ordinary_out",
        "payload_in",
        "payload_out",
        "threshold",
    )

    def __init__(self) -> None:
        self.client = self.deaf = self.ordinary_in = self.ordinary_out = False
        self.deflates = self.inflates = False
        self.threshold = 0
        self.max_size: int | None = None
        self.bytes_in = self.bytes_out = self.payload_in = self.payload_out = 0
        self._texts_in = self._texts_out = self._binaries_in = self._binaries_out = 0
        # Inward and outward, by opcode.
        self._rare: tuple[dict[int, int], dict[int, int]] | None = None

    def decode(self, data: BytesLike, position: int, messages: list[str | bytes], /) -> int:
        """Decode ordinary messages up to the first frame that is anything else, and count them.

        Args:
            data: what has arrived.
            position: where in it a frame begins.
            messages: where messages are appended, a str for text, bytes for binary.

        Returns:
            Where the first frame that wasn't decoded begins.
        """
        before = len(messages)
        position = decode_messages(data, position, not self.client, self.max_size, messages)
        texts = payload = 0
        for message in messages[before:] if before else messages:
            if isinstance(message, str):
                texts += 1
                payload += len(message if message.isascii() else message.encode())
            else:
                payload += len(message)
        self._texts_in += texts
        self._binaries_in += len(messages) - before - texts
        self.payload_in += payload
        return position

    def encode(self, message: str | bytes, /) -> bytes:
        """Return the frame of an ordinary message, and count it.

        Raises:
            TypeError: the message is neither str nor bytes.
            UnicodeEncodeError: the text has a lone surrogate, so it can't be UTF-8.
        """
        if self.deflates:
            return self._encode_deflated(message)
        frame = encode_message(message, self.client)
        size = len(frame)
        self.bytes_out += size
        if self.client:
            size -= 4
        # Less the header, whose length is of no, two or eight bytes more.
        self.payload_out += size - (2 if size < 130 else 4 if size < 65540 else 10)
        if isinstance(message, str):
            self._texts_out += 1
        else:
            self._binaries_out += 1
        return frame

    def _encode_deflated(self, message: str | bytes) -> bytes:
        opcode, payload = as_payload(message)
        size = len(payload)
        deflated = size >= self.threshold
        if deflated:
            payload = self.deflate(payload)
        frame = encode_frame(opcode, payload, masked=self.client, rsv1=deflated)
        self.count_out(opcode, size, len(frame))
        return frame

    def count_in(self, opcode: int, payload: int, /) -> None:
        """Count a frame that has come.

        Args:
            opcode: one of `Opcode`.
            payload: bytes of a message that it has brought, after inflating.
        """
        self.payload_in += payload
        if opcode == TEXT:
            self._texts_in += 1
        elif opcode == BINARY:
            self._binaries_in += 1
        else:
            self._need_rare()[0][opcode] += 1

    def count_out(self, opcode: int, payload: int, size: int, /) -> None:
        """Count a frame that is to be sent.

        Args:
            opcode: one of `Opcode`.
            payload: bytes of a message that it carries, before deflating.
            size: bytes of the frame.
        """
        self.payload_out += payload
        self.bytes_out += size
        if opcode == TEXT:
            self._texts_out += 1
        elif opcode == BINARY:
            self._binaries_out += 1
        else:
            self._need_rare()[1][opcode] += 1

    def add(self, other: Tally, /) -> None:
        """Count what another has counted, too."""
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out
        self.payload_in += other.payload_in
        self.payload_out += other.payload_out
        self._texts_in += other._texts_in
        self._texts_out += other._texts_out
        self._binaries_in += other._binaries_in
        self._binaries_out += other._binaries_out
        if other._rare is not None:
            for ours, theirs in zip(self._need_rare(), other._rare, strict=True):
                for opcode in _RARE:
                    ours[opcode] += theirs[opcode]

    @property
    def frames_in(self) -> dict[int, int]:
        """How many frames of each opcode have come.

        A message counts when it is complete, as text or as binary. So the sum of those two is
        that of messages.
        """
        rare = self._rare[0] if self._rare is not None else dict.fromkeys(_RARE, 0)
        return {TEXT: self._texts_in, BINARY: self._binaries_in, **rare}

    @property
    def frames_out(self) -> dict[int, int]:
        """How many frames of each opcode were to be sent."""
        rare = self._rare[1] if self._rare is not None else dict.fromkeys(_RARE, 0)
        return {TEXT: self._texts_out, BINARY: self._binaries_out, **rare}

    # What the subclass provides.

    def deflate(self, payload: bytes) -> bytes:
        """Return what the payload of a message is compressed to."""
        raise NotImplementedError

    def inflate(self, opcode: int, payload: bytes) -> str | bytes:
        """Return the message whose payload was compressed to this, and count it.

        Raises:
            ProtocolError: it isn't DEFLATE, or the text isn't UTF-8.
            PayloadTooBig: it inflates to more than max_size.
        """
        raise NotImplementedError

    def _need_rare(self) -> tuple[dict[int, int], dict[int, int]]:
        if self._rare is None:
            self._rare = dict.fromkeys(_RARE, 0), dict.fromkeys(_RARE, 0)
        return self._rare
