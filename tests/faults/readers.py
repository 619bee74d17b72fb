"""Clients that read at a given speed, and answer each ping when they reach it."""

from time import monotonic
from zlib import crc32

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.protocols.tls import TLSMemoryBIOProtocol

from tests.interop.raw_client import NO_MASK, REQUEST, frame

CLOSE, PING, PONG = 8, 9, 10
# The reads of a slow client in each second, and the bounds of a read in bytes.
TIMES_A_SECOND = 10
LEAST, MOST = 256, 2**16
# The shortest pause, in seconds; a timer for less costs more than it slows down.
PAUSE = 0.002


class Reader(Protocol):
    """Reads `speed` bytes a second.

    Args:
        speed: bytes a second.

    Attributes:
        got: the bytes of payload that came in messages.
        crc: the CRC-32 of that payload.
        pings: the number of pings that came.
        code: the close code; None until a close frame comes.
        took: the seconds until the close frame, or until the connection was lost.
        lost: fires when the connection is lost.
    """

    def __init__(self, speed):
        self.speed = speed
        self.got = self.crc = self.pings = 0
        self.code = None
        self.lost = Deferred()
        self._buffer = bytearray()
        self._opened = False
        # The bytes of the current frame's payload that are still to come.
        self._rest = 0
        self._due = 0.0
        self._going_on = None

    def connectionMade(self):
        below = self.transport
        if isinstance(below, TLSMemoryBIOProtocol):
            below = below.transport
        below.bufferSize = max(LEAST, min(MOST, int(self.speed / TIMES_A_SECOND)))
        self._begin = monotonic()

    def ask(self, path):
        """Send the request for a path."""
        self.transport.write(REQUEST.format(path, "").encode())

    def leave(self):
        """Abort the connection, unless it is lost."""
        if not self.lost.called:
            self.transport.abortConnection()
        return self.lost

    def dataReceived(self, data):
        self._buffer += data
        if not self._opened:
            head, blank_line, rest = self._buffer.partition(b"\r\n\r\n")
            if not blank_line:
                return
            assert b" 101 " in head, head
            self._opened, self._buffer = True, rest
        while self._take():
            pass
        self._rest_a_little(len(data))

    def _rest_a_little(self, size):
        now = monotonic()
        self._due = max(self._due, now - PAUSE) + size / self.speed
        if self._due - now > PAUSE and self._going_on is None:
            self.transport.pauseProducing()
            self._going_on = reactor.callLater(self._due - now, self._go_on)

    def _go_on(self):
        self._going_on = None
        self.transport.resumeProducing()

    def _take(self):
        """Take a header, a control frame or payload out of the buffer; return False for none."""
        buffer = self._buffer
        if self._rest:
            piece = bytes(buffer[: self._rest])
            del buffer[: self._rest]
            self._rest -= len(piece)
            self.got += len(piece)
            self.crc = crc32(piece, self.crc)
            return bool(buffer)
        if len(buffer) < 2:
            return False
        opcode, length = buffer[0] & 0xF, buffer[1]
        start = {126: 4, 127: 10}.get(length, 2)
        if len(buffer) < start:
            return False
        if start > 2:
            length = int.from_bytes(buffer[2:start], "big")
        if opcode < CLOSE:
            self._rest = length
            del buffer[:start]
            return bool(buffer)
        if len(buffer) < start + length:
            return False
        self._answer(opcode, bytes(buffer[start : start + length]))
        del buffer[: start + length]
        return bool(buffer)

    def _answer(self, opcode, data):
        if opcode == PING:
            self.pings += 1
            self.transport.write(frame(PONG, data, NO_MASK))
        elif opcode == CLOSE:
            self.code = int.from_bytes(data[:2], "big")
            self.took = monotonic() - self._begin
            self.transport.write(frame(CLOSE, data, NO_MASK))

    def connectionLost(self, reason):
        if self._going_on is not None:
            self._going_on.cancel()
        if self.code is None:
            self.took = monotonic() - self._begin
        self.lost.callback(None)


async def start_reader(test, port, over, speed, size):
    """Connect a reader, and have it ask for `size` bytes."""
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    if over == "tls":
        endpoint = wrapClientTLS(CertificateOptions(verify=False), endpoint)
    reader = await connectProtocol(endpoint, Reader(speed))
    test.addCleanup(reader.leave)
    reader.ask(f"/{size}")
    return reader
