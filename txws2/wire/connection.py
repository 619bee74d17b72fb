"""One WebSocket connection after its opening handshake: the state rules of RFC 6455."""

from __future__ import annotations

import sys

from txws2.wire.closing import Close, CloseCode, State
from txws2.wire.compression_budget import UNLIMITED, CompressionBudget
from txws2.wire.encoder import MessageEncoder, Part
from txws2.wire.events import Closing, Failed, Ping, Pong
from txws2.wire.exceptions import InvalidState, ProtocolError
from txws2.wire.frame_reader import FrameReader, Trace
from txws2.wire.frames import (
    BINARY,
    CLOSE,
    MAX_CONTROL_SIZE,
    PING,
    PONG,
    Header,
    encode_frame,
    encode_header,
)
from txws2.wire.permessage_deflate import Deflate, PerMessageDeflate
from txws2.wire.shared_message import SharedMessage

__all__ = ["Connection", "State", "Trace"]

_OPEN = State.OPEN
_MESSAGE = (str, bytes)
_DEFAULT_COMPRESSION = PerMessageDeflate()


class Connection(FrameReader):
    """Decodes the peer's bytes into events; encodes messages, pings and closes.

    The peer's bytes never raise an exception: a peer that breaks the protocol fails the connection,
    and a `Failed` event has the reason. Every exception refuses a call of the application.

    Args:
        client: whether this end is the client, which masks its frames.
        max_size: the largest incoming message, in bytes; None for no limit.
        deflate: the negotiated compression, None if there is none.
        compression: the options of compression, if it was negotiated.
        max_fragments: the most frames of one incoming message; None for no limit. `take_part`
            starts the count again.
        trace: called for every frame in and out.
        budget: the budget of the memory that compression holds.

    Attributes:
        state: OPEN at first. The other attributes, and the counters, are those of
            `txws2.wire.frame_reader.FrameReader`.
    """

    # By section 7.1.7, an endpoint fails the connection instead of raising an exception: it "SHOULD
    # send a Close frame with an appropriate status code", and "MUST NOT continue to attempt to
    # process data [...] from the remote endpoint". The close frame must leave after the answers to
    # earlier events. So the failure is an event, too.

    __slots__ = ("_compression", "_encoder", "state")

    def __init__(
        self,
        *,
        client: bool,
        max_size: int | None = 2**20,
        deflate: Deflate | None = None,
        compression: PerMessageDeflate | None = None,
        max_fragments: int | None = 2**17,
        trace: Trace | None = None,
        budget: CompressionBudget = UNLIMITED,
    ) -> None:
        FrameReader.__init__(self, deflate, budget, trace)
        self.state = _OPEN
        self.client = client
        self.max_size = max_size
        self.max_fragments = max_fragments
        self._compression = compression
        # An idle connection doesn't need this, nor does one with ordinary messages only.
        self._encoder: MessageEncoder | None = None
        self.ordinary_out = trace is None
        if deflate is not None:
            self.deflates = True
            # A Tally in C can't have a larger number, and no message is longer than sys.maxsize.
            self.threshold = min((compression or _DEFAULT_COMPRESSION).threshold, sys.maxsize)

    def answer(self, event: Ping | Pong | Closing | Failed) -> bytes:
        """Return the bytes that answer an event; empty if none may be written.

        Call this when the event's turn has come. Until then, the application can still send its
        answers to the messages before a close frame, although that frame has been read already.
        """
        if isinstance(event, Failed):
            return self.fail(event.cause.code, str(event.cause), event.cause)
        if isinstance(event, Ping):
            return self.pong(event.payload)
        if isinstance(event, Closing) and self.state is _OPEN:
            # Section 5.5.1: "If an endpoint receives a Close frame and did not previously send a
            # Close frame, the endpoint MUST send a Close frame in response. (When sending a Close
            # frame in response, the endpoint typically echos the status code it received.)" 1005
            # stands for a frame without a code, so the answer has none either.
            close = event.close
            bare = close.code == CloseCode.NO_STATUS_RCVD
            return self._close(close, b"" if bare else close.payload())
        return b""

    def pong(self, payload: bytes) -> bytes:
        """Return the answer to a ping; empty if none may be written."""
        # Section 5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in
        # response, unless it already received a Close frame." Section 5.5.3: it "must have
        # identical "Application data" as found in the message body of the Ping frame". Section
        # 5.5.3 allows an answer to the latest ping only. Here, each ping gets a pong: a peer may
        # measure the time of each.
        return self._frame(PONG, payload) if self.state is _OPEN else b""

    def send_message(
        self,
        message: Part,
        text: bool | None = None,
        compress: bool | None = None,
    ) -> bytes:
        """Return the frame of a whole message.

        Args:
            message: the message; a str is sent as text, any bytes-like object as binary.
            text: True to send bytes that are UTF-8 as text, False to send a str as binary.
            compress: whether to compress the message, if that was negotiated; None to let its size
                decide.

        Raises:
            InvalidState: the connection isn't open, or a fragmented message is being sent.
            TypeError: the message is neither str nor bytes-like.
            UnicodeError: the text can't be UTF-8: it has a lone surrogate, or the bytes aren't
                UTF-8.
        """
        # Section 6.1: "The endpoint MUST ensure the WebSocket connection is in the OPEN state".
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
        """Return the compressed payload of a whole message."""
        encoder = self._encoder or self._need_encoder()
        return encoder.compress(payload)

    def send_shared(self, message: SharedMessage) -> bytes:
        """Return the frame of a message that is sent on many connections.

        Raises:
            InvalidState: the connection isn't open, or a fragmented message is being sent.
        """
        # The flag `ordinary_out` is False unless the connection is open.
        if self.ordinary_out and not (self.client or self.deflates):
            frame = message.plain
            self.count_out(message.opcode, message.size, len(frame))
            return frame
        if self.client or self.trace is not None:
            # Section 5.3: "the client MUST pick a fresh masking key" for each frame, so a client
            # can't share a frame. A trace is called for each frame that is made.
            return self.send_message(message.message, message.text, message.compress)
        self._require_open()
        encoder = self._need_encoder()
        frame, compressed = message.encoded(encoder)
        encoder.sent_apart(compressed)
        self.count_out(message.opcode, message.size, len(frame))
        return frame

    def announce(self, size: int) -> bytes | None:
        """Return the header of a binary message, whose payload the caller writes right behind it.

        Args:
            size: the number of bytes of the message.

        Returns:
            The header. None if the message must be sent in another way, because it is to be masked
            or compressed or traced, or the connection isn't open.
        """
        # The flag `ordinary_out` is False unless the connection is open.
        if not self.ordinary_out or self.client or self.deflates:
            return None
        header = encode_header(BINARY, size)
        self.count_out(BINARY, size, len(header) + size)
        return header

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
            part: the next part, of the same types as the message of `send_message`; a part of a
                text has whole characters.
            text: as for `send_message`.
            compress: whether to compress the message, if that was negotiated; None means True. Only
                the value for the first part counts.
            last: whether the part ends the message.

        Raises:
            InvalidState: the connection isn't open.
            TypeError: the part is neither str nor bytes-like, or of another kind than the first.
            UnicodeError: the text can't be UTF-8.
        """
        # Section 5.4: "The primary purpose of fragmentation is to allow sending a message that is
        # of unknown size when the message is started without having to buffer that message."
        self._require_open()
        encoder = self._need_encoder()
        opcode, payload, rsv1 = encoder.part(part, text, compress, last)
        # Between two fragments, only control frames may be sent; so `send_message` has to ask the
        # encoder, which refuses whole messages.
        self.ordinary_out = last and self.trace is None
        return self._frame(opcode, payload, last, rsv1, encoder.size)

    def send_ping(self, payload: bytes) -> bytes:
        """Return a ping.

        Raises:
            InvalidState: the connection isn't open.
            ProtocolError: the payload is over 125 bytes.
        """
        # Section 5.5.2: "An endpoint MAY send a Ping frame any time after the connection is
        # established and before the connection is closed." No ping follows our close frame: the
        # peer need not read any further, so no pong may come.
        self._require_open()
        # Section 5.5: "All control frames MUST have a payload length of 125 bytes or less".
        if len(payload) > MAX_CONTROL_SIZE:
            raise ProtocolError(f"payload too long: {len(payload)} bytes; at most 125")
        return self._frame(PING, payload)

    def send_close(self, code: int, reason: str = "") -> bytes:
        """Return the close frame that starts the closing handshake.

        Raises:
            InvalidState: the connection isn't open.
            ProtocolError: a frame may not have the code, or the reason is over 123 bytes of UTF-8.
        """
        # Section 7.1.2: "an endpoint MUST send a Close control frame, as described in Section
        # 5.5.1, whose status code is set to /code/ and whose close reason is set to /reason/."
        self._require_open()
        close = Close(code, reason)
        return self._close(close, close.payload())

    def fail(self, code: int, reason: str, cause: BaseException | None = None) -> bytes:
        """Fail the connection (section 7.1.7): send the reason if allowed, and discard all input.

        Args:
            code: the close code for the peer.
            reason: the reason in words; it is cut to the length of a close frame.
            cause: the cause of the exception that the application gets.

        Returns:
            The close frame, or b"" if the closing handshake has begun.
        """
        self.discarding, self.ordinary_in = True, False
        # Only the first failure explains the end.
        if self.closing.cause is None:
            self.closing.cause = cause
        # Section 5.5.1: no frame follows our own close frame.
        if self.state is not State.OPEN:
            return b""
        # "If _The WebSocket Connection is Established_ [...], the endpoint SHOULD send a Close
        # frame with an appropriate status code (Section 7.4) before proceeding to _Close the
        # WebSocket Connection_."
        close = Close.cut(code, reason)
        return self._close(close, close.payload())

    def connection_lost(self, cause: BaseException | None) -> None:
        """Note that the transport is gone; `closing` then describes the end of the connection.

        Args:
            cause: the transport's error; it counts unless the closing handshake was complete.
        """
        # Section 7.1.4: "When the underlying TCP connection is closed, it is said that _The
        # WebSocket Connection is Closed_ and that the WebSocket connection is in the CLOSED state."
        self.state = State.CLOSED
        self.ordinary_out = False
        self.discarding, self.ordinary_in = True, False
        # "If the TCP connection was closed after the WebSocket closing handshake was completed, the
        # WebSocket connection is said to have been closed _cleanly_." An error of the transport
        # says nothing then.
        closing = self.closing
        complete = closing.rcvd is not None and closing.sent is not None
        if closing.cause is None and not complete:
            closing.cause = cause
        if self._encoder is not None:
            self._encoder.end()
        if self.inflater is not None:
            self.inflater.end()

    def rest(self) -> None:
        """Free the memory that hasn't been used since the last call."""
        if self._encoder is not None:
            self._encoder.rest()
        if self.inflater is not None:
            self.inflater.rest()

    def _need_encoder(self) -> MessageEncoder:
        if self._encoder is None:
            deflate = self._deflate
            if deflate is None:
                self._encoder = MessageEncoder()
            else:
                options = self._compression or _DEFAULT_COMPRESSION
                deflater = deflate.deflater(options, self._budget, client=self.client)
                self._encoder = MessageEncoder(deflater, options.threshold)
        return self._encoder

    def _require_open(self) -> None:
        if self.state is not State.OPEN:
            raise InvalidState(f"the connection is {self.state.name}, not OPEN")

    def _close(self, close: Close, payload: bytes) -> bytes:
        # Section 5.5.1: "The application MUST NOT send any more data frames after sending a Close
        # frame." The state CLOSING sees to that.
        frame = self._frame(CLOSE, payload)
        self.closing.sending(close)
        self.state = State.CLOSING
        self.ordinary_out = False
        return frame

    def _frame(
        self, opcode: int, payload: bytes, fin: bool = True, rsv1: bool = False, size: int = 0
    ) -> bytes:
        """Encode a frame; `size` is the size of its part of a message, before deflating."""
        if self.trace is not None:
            self.trace(">", Header(fin, rsv1, opcode, len(payload), None, 0), payload)
        frame = encode_frame(opcode, payload, masked=self.client, fin=fin, rsv1=rsv1)
        self.count_out(opcode, size, len(frame))
        return frame
