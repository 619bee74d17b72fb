"""Frames that are read one by one: fragments, control frames, and frames that arrive in parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from txws2.wire.assembler import MessageAssembler
from txws2.wire.closing import Close
from txws2.wire.counts import Tally
from txws2.wire.events import Closing, Ping, Pong, Remainder
from txws2.wire.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, Header, parse_header
from txws2.wire.masking import apply_mask
from txws2.wire.permessage_deflate import Deflate
from txws2.wire.whole_messages import take_compressed

__all__ = ["FrameReader", "Trace"]

Trace = Callable[[str, Header, bytes], None]
"""Called for each frame with "<" or ">", its header, and the part of its payload that has come."""


class FrameReader:
    """Reads frames one by one, and whole messages between them in one call.

    A connection needs no reader while each read has only whole ordinary messages. The reader
    doesn't keep the connection's tally, so that no reference cycle delays the end of either.

    Args:
        deflate: the negotiated compression, None if there is none.
        max_fragments: the most frames of one message; None for no limit.
        trace: called for each frame.
    """

    __slots__ = ("_deflate", "_held", "_max_fragments", "_message", "_trace")

    def __init__(
        self, deflate: Deflate | None, max_fragments: int | None, trace: Trace | None
    ) -> None:
        self._deflate = deflate
        self._max_fragments = max_fragments
        self._trace = trace
        # The beginning of a header or of a control frame whose rest hasn't come.
        self._held = b""
        # The assembler is made for the first data frame: many peers send only a ping or a pong now
        # and then.
        self._message: MessageAssembler | None = None

    @property
    def busy(self) -> bool:
        """True if a frame or a message has begun and not ended."""
        return bool(self._held) or (self._message is not None and self._message.fragmented)

    @property
    def blank(self) -> bool:
        """True if this reader keeps nothing, so that a new one would do as well."""
        return self._message is None and not self._held

    @property
    def waiting(self) -> int:
        """The number of bytes that have come of a message that hasn't ended."""
        return 0 if self._message is None else self._message.waiting

    def take_part(self) -> str | bytes:
        """Return the part of the unfinished message that has come, and keep it no longer."""
        assert self._message is not None
        return self._message.take()

    def inflate(self, opcode: int, payload: bytes, tally: Tally) -> str | bytes:
        """Inflate a payload; return the message, and count it."""
        message = self._need_message(tally)
        whole = message.whole(opcode, payload, True)
        tally.count_in(opcode, message.decoded)
        return whole

    def read(self, data: bytes, events: list[Any], tally: Tally) -> None:
        """Read the frames that have come; keep the beginning of a frame that can't be read yet.

        Args:
            data: the bytes that have arrived.
            events: the list that messages and events are appended to.
            tally: counts the messages and frames, and becomes deaf at a close frame.

        Raises:
            ProtocolError: a frame breaks the protocol.
            PayloadTooBig: a message is too large, or has too many frames.
        """
        data, self._held = self._held + data, b""
        position, end = 0, len(data)
        # Section 1.4 of RFC 6455: "after receiving a control frame indicating the connection should
        # be closed, a peer discards any further data received." A later ping isn't answered, though
        # section 5.5.2 wouldn't forbid that: websockets doesn't answer it, and nobody waits for the
        # pong.
        while position < end and not tally.deaf:
            message = self._message
            if message is not None and message.fragmented:
                read = self._read_payload if message.missing else self._read_frame
                position = read(data, position, events, tally)
            else:
                position = self._read_unfragmented(data, position, events, tally)

    def _read_unfragmented(
        self, data: bytes, position: int, events: list[Any], tally: Tally
    ) -> int:
        """Read whole messages, or else one frame; return the position at which they end."""
        # No message begins with an opcode of control frames.
        if self._trace is None and not data[position] & CLOSE:
            whole = self._read_whole(data, position, events, tally)
            if whole > position:
                return whole
        return self._read_frame(data, position, events, tally)

    def _read_whole(self, data: bytes, start: int, events: list[Any], tally: Tally) -> int:
        """Read messages that are whole and in one frame each, compressed or not.

        A payload longer than max_size may inflate to less, so `_read_frame` reads its frame.
        """
        position, masked = start, not tally.client
        while tally.inflates and (taken := take_compressed(data, position, masked, tally.max_size)):
            opcode, payload, position = taken
            events.append(self.inflate(opcode, payload, tally))
            position = tally.decode(data, position, events)
        return position if position > start else tally.decode(data, position, events)

    def _read_frame(self, data: bytes, position: int, events: list[Any], tally: Tally) -> int:
        """Read as much of a frame as has come; a header or a control frame must be whole."""
        # Section 5.4: "An endpoint MUST be capable of handling control frames in the middle of a
        # fragmented message." So a control frame is read whatever the assembler holds.
        message = self._message
        header = parse_header(
            data,
            position,
            masked=not tally.client,
            fragmented=message is not None and message.fragmented,
            compressible=self._deflate is not None,
        )
        if header is None or (header.opcode >= CLOSE and header.end + header.length > len(data)):
            self._held = data[position:]
            return len(data)
        if header.opcode >= CLOSE:
            return self._read_control(header, data, events, tally)
        message = self._need_message(tally)
        message.check(header.length, header.rsv1)
        if self._trace is not None:
            self._trace("<", header, _payload(header, data))
        if header.opcode == CONT:
            tally.count_in(CONT, 0)
        message.begin(header.opcode, header.length, header.rsv1, last=header.fin, mask=header.mask)
        return self._read_payload(data, header.end, events, tally)

    def _read_payload(self, data: bytes, position: int, events: list[Any], tally: Tally) -> int:
        """Read as much of the current data frame as has come; return the position after it."""
        message = self._message
        assert message is not None
        position = message.add(data, position)
        tally.payload_in += message.decoded
        # Section 6.2: "When the last fragment is received as indicated by the FIN bit (frame-fin),
        # it is said that _A WebSocket Message Has Been Received_".
        if message.last and not message.missing:
            taken = message.taken
            whole = message.finish()
            # A fragmented message counts when it is complete.
            tally.count_in(TEXT if isinstance(whole, str) else BINARY, message.decoded)
            events.append(Remainder(whole) if taken else whole)
        return position

    def _read_control(self, header: Header, data: bytes, events: list[Any], tally: Tally) -> int:
        """Read a whole control frame; return the position at which it ends."""
        # Section 6.2: "If a control frame (Section 5.5) is received, the frame MUST be handled as
        # defined by Section 5.5." `Connection.answer` does that, in the order of the events.
        payload = _payload(header, data)
        if self._trace is not None:
            self._trace("<", header, payload)
        tally.count_in(header.opcode, 0)
        if header.opcode == PING:
            events.append(Ping(payload))
        elif header.opcode == PONG:
            events.append(Pong(payload))
        else:
            events.append(Closing(Close.parse(payload)))
            tally.deaf = True
        return header.end + header.length

    def _need_message(self, tally: Tally) -> MessageAssembler:
        if self._message is None:
            inflater = None if self._deflate is None else tally.need_inflater()
            self._message = MessageAssembler(tally.max_size, inflater, self._max_fragments)
        return self._message


def _payload(header: Header, data: bytes) -> bytes:
    """Return the part of a frame's payload that has come, unmasked."""
    payload = data[header.end : header.end + header.length]
    return payload if header.mask is None else apply_mask(payload, header.mask)
