"""One WebSocket connection after its opening handshake: the state rules of RFC 6455."""

from __future__ import annotations

import sys
from typing import Any

from txws2.wire.closing import Close, CloseCode, ClosingHandshake, State
from txws2.wire.counts import Tally
from txws2.wire.encoder import MessageEncoder, Part
from txws2.wire.events import Closing, Event, Failed, Ping, Pong
from txws2.wire.exceptions import InvalidState, PayloadTooBig, ProtocolError
from txws2.wire.frame_reader import FrameReader, Trace
from txws2.wire.frames import CLOSE, MAX_CONTROL_SIZE, PING, PONG, Header, encode_frame
from txws2.wire.permessage_deflate import Deflate, PerMessageDeflate
from txws2.wire.shared_message import SharedMessage

__all__ = ["Connection", "State", "Trace"]


_OPEN = State.OPEN
_MESSAGE = (str, bytes)
_DEFAULT_COMPRESSION = PerMessageDeflate()


class Connection(Tally):
    """Turns bytes from the peer into events, and what the application says into bytes.

    It never raises on what the peer sent: it fails the connection and says so with a `Failed`
    event. What it raises is about what the caller asked for.

    Args:
        client: whether this end is the client, which masks what it sends.
        max_size: bytes that one incoming message may have; None for no limit.
        deflate: what was agreed on for compressing, None if nothing was.
        compression: how to compress, if that was agreed on.
        max_fragments: frames that one incoming message may come in; None for no limit. Those
            don't count that came before a part was taken.
        trace: called for every frame in and out.

    Attributes:
        state: OPEN at first. The others, and what it has counted, are those of
            `txws2.wire.counts.Tally`.
    """

    __slots__ = (
        "_closing",
        "_compression",
        "_deflate",
        "_encoder",
        "_frames",
        "_max_fragments",
        "state",
        "trace",
    )

    def __init__(
        self,
        *,
        client: bool,
        max_size: int | None = 2**20,
        deflate: Deflate | None = None,
        compression: PerMessageDeflate | None = None,
        max_fragments: int | None = 2**17,
        trace: Trace | None = None,
    ) -> None:
        super().__init__()
        self.state = State.OPEN
        self.trace = trace
        self.client = client
        self.max_size = max_size
        self._max_fragments = max_fragments
        self._deflate = deflate
        self._compression = compression
        # A connection that is idle, or has only ordinary messages, needs none of these three.
        self._closing: ClosingHandshake | None = None
        self._encoder: MessageEncoder | None = None
        self._frames: FrameReader | None = None
        self.ordinary_in = self.ordinary_out = trace is None
        if deflate is not None:
            self.deflates = True
            self.inflates = trace is None
            # No message is longer than the other, which is all that a Tally in C has room for.
            self.threshold = min((compression or _DEFAULT_COMPRESSION).threshold, sys.maxsize)

    @property
    def closing(self) -> ClosingHandshake:
        """What is known of the closing handshake."""
        if self._closing is None:
            self._closing = ClosingHandshake()
        return self._closing

    def receive(self, data: bytes) -> list[Event]:
        """Take what the transport has read; return what it meant, in order.

        Returns:
            For each text message a str, for each binary message bytes, for all else one of
            `txws2.wire.events`; of those about the connection, `answer` says what is to be
            written.
        """
        events: list[Any] = []
        self.bytes_in += len(data)
        if self.ordinary_in:
            # Nearly always, what arrives is ordinary messages and nothing else.
            position = self.decode(data, 0, events)
            if position == len(data):
                return events
            data = data[position:]
        if not self.deaf:
            self._read_frames(data, events)
        return events

    def _read_frames(self, data: bytes, events: list[Any]) -> None:
        frames = self._need_frames()
        try:
            frames.read(data, events, self)
        except (ProtocolError, PayloadTooBig) as exc:
            events.append(self.refuse(exc))
        if self.deaf and events and isinstance(event := events[-1], Closing):
            self.closing.received(event.close)
        self.ordinary_in = not (self.deaf or frames.busy or self.trace)
        if frames.blank:
            # Most readers come with a ping or a pong, and the next may be minutes away.
            self._frames = None

    def _need_frames(self) -> FrameReader:
        if self._frames is None:
            self._frames = FrameReader(self._deflate, self._max_fragments, self.trace)
        return self._frames

    def refuse(self, cause: ProtocolError | PayloadTooBig) -> Failed:
        """Hear nothing more, as what has come is wrong; return the event that says so."""
        self.deaf, self.ordinary_in = True, False
        return Failed(cause)

    def inflate(self, opcode: int, payload: bytes) -> str | bytes:
        """Return the message whose payload was compressed to this; see `Tally.inflate`."""
        return self._need_frames().inflate(opcode, payload, self)

    @property
    def unfinished(self) -> int:
        """Bytes that are here of a message whose end hasn't come."""
        return 0 if self.ordinary_in or self._frames is None else self._frames.waiting

    def take_part(self) -> str | bytes:
        """Return what is here of the unfinished message.

        It isn't kept, so that a message may be larger than memory. When the message ends, a
        `Remainder` says so instead of the message itself.
        """
        assert self._frames is not None
        return self._frames.take_part()

    def answer(self, event: Ping | Pong | Closing | Failed) -> bytes:
        """Return what is to be written in answer to an event, empty if nothing may be.

        It is asked for when the event's turn has come. What the application says to the messages
        before a close frame can then still be sent, although that frame has been read already.
        """
        if isinstance(event, Failed):
            return self.fail(event.cause.code, str(event.cause), event.cause)
        if self.state is State.OPEN:
            if isinstance(event, Ping):
                # Section 5.5.3: a pong carries the ping's own payload.
                return self._frame(PONG, event.payload)
            if isinstance(event, Closing):
                # Section 5.5.1: a close frame is answered with one, which typically echoes the
                # status code; unless ours has gone out, after which nothing may follow.
                close = event.close
                bare = close.code == CloseCode.NO_STATUS_RCVD
                return self._close(close, b"" if bare else close.payload())
        return b""

    def send_message(
        self,
        message: Part,
        text: bool | None = None,
        compress: bool | None = None,
    ) -> bytes:
        """Return the frame of a whole message.

        Args:
            message: a str is sent as text, anything that is bytes as binary.
            text: True to send bytes that are UTF-8 as text, False to send a str as binary.
            compress: whether to compress it, if that was agreed on; None for what its size says.

        Raises:
            InvalidState: the connection isn't open, or a fragmented message is being sent.
            TypeError: the message is neither str nor bytes-like.
            UnicodeError: the text can't be UTF-8: a lone surrogate, or bytes that aren't.
        """
        if self.state is not _OPEN:
            self._require_open()
        if (
            self.ordinary_out
            and text is None
            and (compress is None or not self.deflates)
            and isinstance(message, _MESSAGE)
        ):
            return self.encode(message)
        encoder = self._need_encoder()
        opcode, payload, rsv1 = encoder.whole(message, text, compress)
        return self._frame(opcode, payload, rsv1=rsv1, size=encoder.size)

    def deflate(self, payload: bytes) -> bytes:
        """Return what the payload of a whole message is compressed to."""
        return self._need_encoder().compress(payload)

    def send_shared(self, message: SharedMessage) -> bytes:
        """Return the frame of a message that is sent on many connections.

        Raises:
            InvalidState: the connection isn't open, or a fragmented message is being sent.
        """
        if self.ordinary_out and not (self.client or self.deflates):
            frame = message.plain
            self.count_out(message.opcode, message.size, len(frame))
            return frame
        if self.client or self.trace is not None:
            # Section 5.3: each frame has a key of its own.
            return self.send_message(message.message, message.text, message.compress)
        self._require_open()
        encoder = self._need_encoder()
        frame, compressed = message.encoded(encoder)
        encoder.sent_apart(compressed)
        self.count_out(message.opcode, message.size, len(frame))
        return frame

    def send_fragment(
        self,
        part: Part,
        text: bool | None = None,
        compress: bool | None = None,
        *,
        last: bool,
    ) -> bytes:
        """Return the next frame of a message that is sent as it is made (section 5.4).

        Args:
            part: as the message of `send_message`; of a text, whole characters.
            text: as for `send_message`.
            compress: whether to compress the message, if that was agreed on; None for True. It
                counts with the first part.
            last: whether it ends the message.

        Raises:
            InvalidState: the connection isn't open.
            TypeError: the part is neither str nor bytes-like, or of another kind than the first.
            UnicodeError: the text can't be UTF-8.
        """
        self._require_open()
        encoder = self._need_encoder()
        opcode, payload, rsv1 = encoder.part(part, text, compress, last)
        self.ordinary_out = last and self.trace is None
        return self._frame(opcode, payload, last, rsv1, encoder.size)

    def send_ping(self, payload: bytes) -> bytes:
        """Return a ping.

        Raises:
            InvalidState: the connection isn't open.
            ProtocolError: the payload is over 125 bytes.
        """
        self._require_open()
        # Section 5.5: all control frames MUST have a payload length of 125 bytes or less.
        if len(payload) > MAX_CONTROL_SIZE:
            raise ProtocolError(f"payload too long: {len(payload)} bytes; at most 125")
        return self._frame(PING, payload)

    def send_close(self, code: int, reason: str = "") -> bytes:
        """Return the close frame that starts the closing handshake.

        Raises:
            InvalidState: the connection isn't open.
            ProtocolError: the code may not travel, or the reason is over 123 bytes of UTF-8.
        """
        self._require_open()
        close = Close(code, reason)
        return self._close(close, close.payload())

    def fail(self, code: int, reason: str, cause: BaseException | None = None) -> bytes:
        """Fail the connection (section 7.1.7): say why if we may, and hear nothing more.

        Args:
            code: why, as a close code.
            reason: why, in words; cut to what fits.
            cause: what is to stand behind the exception that the application gets.

        Returns:
            The close frame, or b"" if the closing handshake has begun.
        """
        self.deaf, self.ordinary_in = True, False
        if self.closing.cause is None:
            self.closing.cause = cause
        if self.state is not State.OPEN:
            return b""
        close = Close.cut(code, reason)
        return self._close(close, close.payload())

    def connection_lost(self, cause: BaseException | None) -> None:
        """Note that the transport is gone; `closing` tells then how the connection ended.

        Args:
            cause: the transport's error; it counts unless the closing handshake was complete.
        """
        self.state = State.CLOSED
        self.ordinary_out = False
        self.deaf, self.ordinary_in = True, False
        closing = self.closing
        complete = closing.rcvd is not None and closing.sent is not None
        if closing.cause is None and not complete:
            closing.cause = cause

    def rest(self) -> None:
        """Give back memory that hasn't been used since this was last called."""
        if self._encoder is not None:
            self._encoder.rest()

    def _need_encoder(self) -> MessageEncoder:
        if self._encoder is None:
            deflate = self._deflate
            if deflate is None:
                self._encoder = MessageEncoder()
            else:
                options = self._compression or _DEFAULT_COMPRESSION
                deflater = deflate.deflater(options, client=self.client)
                self._encoder = MessageEncoder(deflater, options.threshold)
        return self._encoder

    def _require_open(self) -> None:
        if self.state is not State.OPEN:
            raise InvalidState(f"the connection is {self.state.name}, not OPEN")

    def _close(self, close: Close, payload: bytes) -> bytes:
        frame = self._frame(CLOSE, payload)
        self.closing.sending(close)
        self.state = State.CLOSING
        self.ordinary_out = False
        return frame

    def _frame(
        self, opcode: int, payload: bytes, fin: bool = True, rsv1: bool = False, size: int = 0
    ) -> bytes:
        """Encode a frame; size is that of the part of a message in it, before deflating."""
        if self.trace is not None:
            self.trace(">", Header(fin, rsv1, opcode, len(payload), None, 0), payload)
        frame = encode_frame(opcode, payload, masked=self.client, fin=fin, rsv1=rsv1)
        self.count_out(opcode, size, len(frame))
        return frame
