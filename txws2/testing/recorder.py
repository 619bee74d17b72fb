"""A transport in memory that records all writes, and lets a test act as the peer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
    IProducer,
    IPushProducer,
    ITransport,
)
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2.client.protocol import WebSocketClientProtocol
from txws2.wire.frames import encode_frame

__all__ = ["Frame", "RecordingTransport", "frames_in"]

# A socket and its reactor hold about as many bytes before a producer is paused.
_BUFFER_SIZE = 2**16

# After this many steps, the two ends count as answering each other without end.
_MOST_STEPS = 100_000


class Frame(NamedTuple):
    """A frame that was written (RFC 6455 section 5.2).

    Attributes:
        opcode: one of `Opcode`.
        payload: the unmasked payload; it isn't inflated if it is compressed.
        fin: True if the frame ends its message.
        compressed: True if the frame begins a compressed message (RFC 7692 section 6).
    """

    opcode: int
    payload: bytes
    fin: bool = True
    compressed: bool = False


@implementer(ITransport, IConsumer, IPushProducer, IHalfCloseableDescriptor)
class RecordingTransport:
    """One end of a connection, which behaves like a TCP transport; nothing moves without a pump.

    `joined` and `opened` make them.

    Attributes:
        protocol: the protocol at this end.
        peer: the transport at the other end.
        written: all bytes that the protocol has written since the connection was made.
        paused: True while the protocol has paused reading.
        frozen: set it to True, and nothing from this end arrives any more, not even its end.
        chop: set it to a number, and the bytes of this end arrive in pieces of this size.
        connected: False once the protocol has got connectionLost.
        disconnecting: True if the protocol has closed the connection.
        hears_masked: True if `feed` masks its frames, as a client does.
        producer: the producer that is paused while too many written bytes wait.
    """

    peer: RecordingTransport

    def __init__(self, protocol: Protocol, port: int) -> None:
        self.protocol = protocol
        self.address = IPv4Address("TCP", "127.0.0.1", port)
        self.written = bytearray()
        self.paused = self.frozen = False
        self.chop: int | None = None
        self.connected = True
        self.disconnecting = False
        # RFC 6455 section 5.1: a client masks its frames, a server doesn't.
        self.hears_masked = not isinstance(protocol, WebSocketClientProtocol)
        self.producer: IPushProducer | None = None
        self._producer_paused = False
        self._buffer = bytearray()
        self._half_closing = self._half_closed = False
        # The reason for connectionLost, which the next step calls.
        self._ending: Exception | None = None
        # The number of written bytes that `frames` has taken.
        self._taken = 0

    def getHost(self) -> IPv4Address:
        """Return the address of this end."""
        return self.address

    def getPeer(self) -> IPv4Address:
        """Return the address of the peer."""
        return self.peer.address

    # A test calls these.

    def pump(self) -> None:
        """Move bytes in both directions until nothing moves.

        Raises:
            AssertionError: the two ends answer each other without end.
        """
        for _ in range(_MOST_STEPS):
            # Both ends make a step, even if the first one has moved something: `or` wouldn't.
            if not (self.step() | self.peer.step()):
                return
        raise AssertionError(f"the two ends don't come to rest within {_MOST_STEPS} steps")

    def frames(self) -> list[Frame]:
        """Return the frames that the protocol has written since the last call.

        The head of the opening handshake is skipped.
        """
        data = bytes(self.written)
        if not self._taken:
            head, blank_line, _ = data.partition(b"\r\n\r\n")
            self._taken = len(head + blank_line)
        found = []
        for frame, end in _split(data, self._taken):
            found.append(frame)
            self._taken = end
        return found

    def feed(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        """Let a frame arrive as if the peer had written it, and pump.

        Nothing is checked, so the frame may break the protocol.

        Args:
            opcode: one of `Opcode`, or any other number below 16.
            payload: the payload, without a mask.
            fin: True if the frame ends its message.
        """
        self.feed_bytes(encode_frame(opcode, payload, fin=fin, masked=self.hears_masked))

    def feed_bytes(self, data: bytes) -> None:
        """Let bytes arrive as if the peer had written them, and pump."""
        self.peer.write(data)
        self.pump()

    @property
    def waiting(self) -> int:
        """The number of written bytes that could be moved, but weren't."""
        return len(self._buffer) if self._can_deliver() else 0

    @property
    def at_rest(self) -> bool:
        """True if this end has nothing to do in its next step."""
        return not (
            self._buffer
            or self._ending
            or self._producer_paused
            or self.disconnecting
            or self._half_closing
        )

    def waiting_frames(self) -> list[Frame]:
        """Return the frames among these bytes."""
        return frames_in(bytes(self._buffer)) if self._can_deliver() else []

    # The protocol writes with these.

    def write(self, data: bytes) -> None:
        """Record bytes; `pump` moves them."""
        if self.connected and not self._half_closed:
            self.written += data
            self._buffer += data
            if self.producer is not None and len(self._buffer) > _BUFFER_SIZE:
                self._producer_paused = True
                self.producer.pauseProducing()

    def writeSequence(self, data: list[bytes]) -> None:  # type: ignore[override]
        """Write these bytes, one after the other."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close once all written bytes have been moved."""
        self.disconnecting = True

    def loseWriteConnection(self) -> None:
        """Close for writing once all written bytes have been moved."""
        self._half_closing = True

    def abortConnection(self) -> None:
        """Close without moving the written bytes."""
        self.disconnecting = True
        self._buffer.clear()
        self.end(ConnectionAborted())

    def end(self, reason: Exception | None = None) -> None:
        """Let the next step call connectionLost.

        Args:
            reason: by default a ConnectionDone, as if the peer had closed the connection.
        """
        self._ending = self._ending or reason or ConnectionDone()

    # Backpressure: this end pauses its producer, and the protocol pauses the peer.

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Register a producer; it is paused while too many written bytes wait."""
        if self.producer is not None:
            raise RuntimeError(f"{self.producer} is registered, and wasn't unregistered")
        assert streaming
        self.producer = producer  # type: ignore[assignment]

    def unregisterProducer(self) -> None:
        """Unregister the producer."""
        self.producer = None
        self._producer_paused = False

    def pauseProducing(self) -> None:
        """Let no bytes arrive at the protocol."""
        self.paused = True

    def resumeProducing(self) -> None:
        """Let bytes arrive again."""
        self.paused = False

    def stopProducing(self) -> None:
        """Close the connection."""
        self.loseConnection()

    # A reactor would do these.

    def step(self) -> bool:
        """Make the next step of this end; return False if there was none."""
        if not self.connected:
            return False
        if self._ending is not None:
            self._lose(self._ending)
        elif self._buffer:
            return self._deliver()
        elif self._producer_paused:
            self._producer_paused = False
            assert self.producer is not None
            self.producer.resumeProducing()
        elif self.disconnecting:
            self.end()
        elif self._half_closing and not self._half_closed and not self.peer.paused:
            ended = Failure(ConnectionDone())
            self.writeConnectionLost(ended)
            self.peer.readConnectionLost(ended)
        else:
            return False
        return True

    def _can_deliver(self) -> bool:
        return not self.frozen and not self.peer.paused

    def _deliver(self) -> bool:
        if not self._can_deliver():
            return False
        size = self.chop or len(self._buffer)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        peer = self.peer
        if peer.connected and not peer.disconnecting:
            peer.protocol.dataReceived(data)
        return True

    def _lose(self, reason: Exception) -> None:
        self.connected = False
        self._buffer.clear()
        if self.producer is not None:
            self.producer.stopProducing()
        self.protocol.connectionLost(Failure(reason))
        if not self.frozen:
            self.peer.end(None if isinstance(reason, ConnectionDone) else ConnectionLost())

    def writeConnectionLost(self, reason: Failure) -> None:
        """Note that the protocol can write no more."""
        self._half_closed = True

    def readConnectionLost(self, reason: Failure) -> None:
        """Tell the protocol that the peer will write no more."""
        if self.frozen:
            return
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.readConnectionLost()
        else:
            self.end()


# This parser is independent of the one that is tested.


def frames_in(data: bytes) -> list[Frame]:
    """Return the frames of a stream; an incomplete frame at the end is left out."""
    return [frame for frame, _ in _split(data, 0)]


def _split(data: bytes, start: int) -> Iterator[tuple[Frame, int]]:
    """Generate the frames from an offset on, each with the offset of its end."""
    while (end := _end_of_frame(data, start)) <= len(data):
        yield _frame(data[start:end]), end
        start = end


def _payload_length(data: bytes, start: int) -> tuple[int, int]:
    """Return the length of the payload, and the offset after the length field."""
    length = data[start + 1] & 0x7F
    if length < 126:
        return length, start + 2
    end = start + (4 if length == 126 else 10)
    return int.from_bytes(data[start + 2 : end], "big"), end


def _end_of_frame(data: bytes, start: int) -> int:
    """Return the end of the frame that begins at an offset; it may be beyond the data."""
    if len(data) < start + 2:
        return start + 2
    length, end = _payload_length(data, start)
    return end + (4 if data[start + 1] & 0x80 else 0) + length


def _frame(data: bytes) -> Frame:
    length, start = _payload_length(data, 0)
    payload = data[len(data) - length :]
    if data[1] & 0x80:
        key = (data[start : start + 4] * (length // 4 + 1))[:length]
        plain = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
        payload = plain.to_bytes(length, "big")
    return Frame(data[0] & 0xF, payload, fin=bool(data[0] & 0x80), compressed=bool(data[0] & 0x40))
