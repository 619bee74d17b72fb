"""The peer's frames as events: messages, control frames, and the failure of the connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from txws2.wire.closing import Close, ClosingHandshake
from txws2.wire.compression_budget import CompressionBudget
from txws2.wire.decoder import MOST_GROWTH, Decoder
from txws2.wire.deflater import Inflater
from txws2.wire.events import Closing, Event, Failed, Ping, Pong
from txws2.wire.exceptions import PayloadTooBig, ProtocolError
from txws2.wire.frames import CLOSE, MAX_CONTROL_SIZE, PING, Header, parse_header
from txws2.wire.masking import apply_mask
from txws2.wire.permessage_deflate import Deflate

__all__ = ["FrameReader", "Trace"]

Trace = Callable[[str, Header, bytes], None]
"""Called for each frame with "<" or ">", its header, and the part of its payload that has come."""

# The most bytes of a header, and of a control frame's payload.
_HEAD_SIZE = 14 + MAX_CONTROL_SIZE


class FrameReader(Decoder):
    """Decodes the peer's bytes into events; the half of a `Connection` that takes bytes.

    Attributes:
        trace: called for every frame in and out; None if nobody wants to know.
    """

    __slots__ = ("_budget", "_closing", "_deflate", "trace")

    def __init__(
        self, deflate: Deflate | None, budget: CompressionBudget, trace: Trace | None
    ) -> None:
        Decoder.__init__(self)
        self.trace = trace
        self._deflate = deflate
        self._budget = budget
        if deflate is not None:
            self.inflates = True
        if trace is None:
            self.ordinary_in = True
        # An idle connection doesn't need this, nor does one with ordinary messages only.
        self._closing: ClosingHandshake | None = None

    @property
    def closing(self) -> ClosingHandshake:
        """The closing handshake, as far as it is known."""
        if self._closing is None:
            self._closing = ClosingHandshake()
        return self._closing

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes that the transport has read; return their events, in order.

        Returns:
            A str for each text message, bytes for each binary message, and for anything else one
            of `txws2.wire.events`. `Connection.answer` makes the bytes to write for an event about
            the connection.
        """
        events: list[Event] = []
        position, end = 0, len(data)
        while position < end:
            position = self.receive_some(data, position, events)
        return events

    def receive_some(self, data: bytes, position: int, events: list[Any]) -> int:
        """Take bytes until their messages are more than 256 KiB larger, because of compression.

        Args:
            data: bytes that the transport has read.
            position: the position of the first byte to take.
            events: the list that the events are appended to.

        Returns:
            The position of the first byte that wasn't taken.
        """
        start, end = position, len(data)
        most = self.payload_in - position + MOST_GROWTH
        try:
            # Section 1.4 of RFC 6455: "after receiving a control frame indicating the connection
            # should be closed, a peer discards any further data received." A later ping isn't
            # answered, though section 5.5.2 wouldn't forbid that: websockets doesn't answer it, and
            # nobody waits for the pong.
            while position < end and not self.discarding:
                if self.ordinary_in:
                    # Nearly always, messages arrive, and nothing else.
                    position = self.decode(data, position, events)
                    if position == end:
                        break
                if self.payload_in - position > most:
                    break
                position = self._read_frame(data, position, events)
        except (ProtocolError, PayloadTooBig) as exc:
            events.append(self.refuse(exc))
        if self.discarding:
            position = end
        self.bytes_in += position - start
        return position

    def control(self, opcode: int, payload: bytes) -> Ping | Pong | Closing:
        """Take a control frame; return its event.

        Raises:
            ProtocolError: a close frame has a code that it may not have, or is wrong otherwise.
        """
        self.count_in(opcode, 0)
        if opcode == PING:
            return Ping(payload)
        if opcode != CLOSE:
            return Pong(payload)
        event = Closing(Close.parse(payload))
        self.discarding, self.ordinary_in = True, False
        # Section 7.1.3: "Upon either sending or receiving a Close control frame, it is said that
        # _The WebSocket Closing Handshake is Started_". The state changes when the answer is made:
        # messages before the close frame may be answered until then.
        self.closing.received(event.close)
        return event

    def refuse(self, cause: ProtocolError | PayloadTooBig) -> Failed:
        """Discard all further bytes, because of an error of the peer; return a `Failed` event."""
        # Section 7.1.7: "An endpoint MUST NOT continue to attempt to process data (including a
        # responding Close frame) from the remote endpoint after being instructed to _Fail the
        # WebSocket Connection_."
        self.discarding, self.ordinary_in = True, False
        return Failed(cause)

    def inflate_part(self, part: bytes, before: int, last: bool) -> bytes:
        """Inflate a part of a message; see `Decoder.inflate_part`."""
        inflater: Inflater | None = self.inflater
        if inflater is None:
            assert self._deflate is not None
            inflater = self._deflate.inflater(self._budget, client=self.client)
            self.inflater = inflater
        most = self.max_size
        room = None if most is None else most - before
        try:
            if last:
                return inflater.finish(room, part)
            return inflater.inflate(part, room)
        except PayloadTooBig as exc:
            assert most is not None
            raise PayloadTooBig(before + exc.size, most) from None

    def _read_frame(self, data: bytes, position: int, events: list[Any]) -> int:
        """Read a frame that `decode` leaves, or any frame for the trace; return its end."""
        if self.missing:
            return self._decode_until(position + self.missing, data, position, events)
        start = position - len(self.held)
        head = self.held + data[position : position + _HEAD_SIZE]
        header = parse_header(
            head,
            0,
            masked=not self.client,
            fragmented=self.fragmented,
            compressible=self.inflates,
        )
        if header is None or (header.opcode >= CLOSE and header.end + header.length > len(head)):
            self.held = head
            return len(data)
        stop = start + header.end + header.length
        if header.opcode < CLOSE:
            self._trace(header, data[start + header.end : stop])
            return self._decode_until(stop, data, position, events)
        # Section 5.4: "An endpoint MUST be capable of handling control frames in the middle of a
        # fragmented message." So a control frame is read whatever the decoder keeps.
        self.held = b""
        payload = self._trace(header, head[header.end : header.end + header.length])
        # Section 6.2: "If a control frame (Section 5.5) is received, the frame MUST be handled as
        # defined by Section 5.5." `Connection.answer` does that, in the order of the events.
        events.append(self.control(header.opcode, payload))
        return stop

    def _trace(self, header: Header, payload: bytes) -> bytes:
        """Unmask a payload, or the part of it that has come, for the trace."""
        if header.mask is not None:
            payload = apply_mask(payload, header.mask)
        if self.trace is not None:
            self.trace("<", header, payload)
        return payload

    def _decode_until(self, stop: int, data: bytes, position: int, events: list[Any]) -> int:
        """Decode a frame that may be followed by others; return its end, or that of the data."""
        part = data[position:stop]
        return position + self.decode(part, 0, events)
