"""The counters of a connection, and its flags: may the next message be sent on the fast path?"""

from __future__ import annotations

from txws2._accelerator import accelerated
from txws2.wire.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, encode_frame
from txws2.wire.whole_messages import as_payload, encode_message

__all__ = ["Tally"]

_RARE: tuple[int, ...] = (CONT, CLOSE, PING, PONG)


@accelerated
class Tally:
    """Counts each message and frame, and knows whether a message may be sent on the fast path.

    An ordinary message is whole and in one frame. It takes the fast path: a single call encodes it,
    and the state of the connection stays the same.

    Attributes:
        client: whether this end is the client.
        ordinary_out: whether `encode` may encode the next message: a whole message may be sent
            now.
        deflates: whether `encode` compresses messages of `threshold` bytes and more.
        threshold: see `deflates`.
        bytes_in: the number of bytes that have come in frames.
        bytes_out: the number of bytes of the frames that were made to be sent.
        payload_in: the number of bytes of the messages that have come, after inflating.
        payload_out: the number of bytes of the messages that were to be sent, before deflating.
    """

    # The twin in C has these numbers where `Exchange` finds them without looking up an attribute.
    # Frames other than whole messages are rare: their counters take memory when the first one
    # comes, and most connections have none.

    __slots__ = (
        "_binaries_in",
        "_binaries_out",
        "_rare",
        "_texts_in",
        "_texts_out",
        "bytes_in",
        "bytes_out",
        "client",
        "deflates",
        "ordinary_out",
        "payload_in",
        "payload_out",
        "threshold",
    )

    def __init__(self) -> None:
        self.client = self.ordinary_out = self.deflates = False
        self.threshold = 0
        self.bytes_in = self.bytes_out = self.payload_in = self.payload_out = 0
        self._texts_in = self._texts_out = self._binaries_in = self._binaries_out = 0
        # The numbers of frames by opcode, of those received and of those sent.
        self._rare: tuple[dict[int, int], dict[int, int]] | None = None

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
        # The header is subtracted. Section 5.2 of RFC 6455 has two bytes, and none, two or eight
        # bytes more for the length.
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
            payload: the number of bytes of a message in it, after inflating.
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
            payload: the number of bytes of a message in it, before deflating.
            size: the number of bytes of the frame.
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
        """Add the numbers of another one to these."""
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
        """The number of frames of each opcode that have come.

        A message counts when it is complete, as text or as binary. So the sum of these two is the
        number of messages.
        """
        rare = self._rare[0] if self._rare is not None else dict.fromkeys(_RARE, 0)
        return {TEXT: self._texts_in, BINARY: self._binaries_in, **rare}

    @property
    def frames_out(self) -> dict[int, int]:
        """The number of frames of each opcode that were to be sent."""
        rare = self._rare[1] if self._rare is not None else dict.fromkeys(_RARE, 0)
        return {TEXT: self._texts_out, BINARY: self._binaries_out, **rare}

    # The subclass provides this.

    def deflate(self, payload: bytes) -> bytes:
        """Return the compressed payload of a message."""
        raise NotImplementedError

    def _need_rare(self) -> tuple[dict[int, int], dict[int, int]]:
        if self._rare is None:
            self._rare = dict.fromkeys(_RARE, 0), dict.fromkeys(_RARE, 0)
        return self._rare
