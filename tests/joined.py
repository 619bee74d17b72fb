"""Two protocols joined in memory: no socket, no reactor, and a clock that waits for nobody."""

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
    IPushProducer,
    ITransport,
)
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Joined", "MemoryTransport"]

BUFFER_SIZE = 2**16


@implementer(ITransport, IConsumer, IPushProducer, IHalfCloseableDescriptor)
class MemoryTransport:
    """One end of a connection, as a TCP transport behaves; nothing moves until it is pumped.

    Attributes:
        protocol: the protocol at this end.
        peer: the transport at the other end.
        written: all that the protocol has written since the connection was made.
        paused: whether the protocol wants no bytes now.
        frozen: set it, and nothing from this end arrives any more, not even that it is gone.
        chop: set it, and what this end writes arrives in pieces of so many bytes.
        connected: False once the protocol was told of the end.
    """

    def __init__(self, protocol, port):
        self.protocol = protocol
        self.address = IPv4Address("TCP", "127.0.0.1", port)
        self.written = bytearray()
        self.paused = self.frozen = False
        self.chop = None
        self.connected = True
        self.disconnecting = False
        self.producer = None
        self._producer_paused = False
        self._buffer = bytearray()
        self._half_closing = self._half_closed = False
        # Why the next step is the last.
        self._ending = None

    def getHost(self):
        return self.address

    def getPeer(self):
        return self.peer.address

    # Outward.

    def write(self, data):
        if self.connected and not self._half_closed:
            self.written += data
            self._buffer += data
            if self.producer is not None and len(self._buffer) > BUFFER_SIZE:
                self._producer_paused = True
                self.producer.pauseProducing()

    def writeSequence(self, parts):
        self.write(b"".join(parts))

    def loseConnection(self):
        self.disconnecting = True

    def loseWriteConnection(self):
        self._half_closing = True

    def abortConnection(self):
        self.disconnecting = True
        self._buffer.clear()
        self.end(ConnectionAborted())

    def end(self, reason):
        """Let the next step tell the protocol that the connection is gone, and why."""
        self._ending = self._ending or reason

    # Backpressure: of this end's producer by this end, and of the peer by this end's protocol.

    def registerProducer(self, producer, streaming):
        if self.producer is not None:
            raise RuntimeError("there is a producer already")
        assert streaming
        self.producer = producer

    def unregisterProducer(self):
        self.producer = None
        self._producer_paused = False

    def pauseProducing(self):
        self.paused = True

    def resumeProducing(self):
        self.paused = False

    def stopProducing(self):
        self.loseConnection()

    # What a reactor does.

    def step(self):
        """Do the one thing that is next for this end; tell whether there was one."""
        if not self.connected:
            return False
        if self._ending is not None:
            self._lose(self._ending)
        elif self._buffer:
            return self._deliver()
        elif self._producer_paused:
            self._producer_paused = False
            self.producer.resumeProducing()
        elif self.disconnecting:
            self.end(ConnectionDone())
        elif self._half_closing and not self._half_closed and not self.peer.paused:
            self._half_closed = True
            self.peer.reach_end_of_stream()
        else:
            return False
        return True

    def _deliver(self):
        peer = self.peer
        if self.frozen or (peer.paused and not peer.disconnecting):
            return False
        size = self.chop or len(self._buffer)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        if peer.connected and not peer.disconnecting:
            peer.protocol.dataReceived(data)
        return True

    def _lose(self, reason):
        self.connected = False
        if self.producer is not None:
            self.producer.stopProducing()
        self.protocol.connectionLost(Failure(reason))
        if not self.frozen:
            clean = isinstance(reason, ConnectionDone)
            self.peer.end(ConnectionDone() if clean else ConnectionLost())

    def reach_end_of_stream(self):
        """Take it that the peer will write no more."""
        if self.frozen:
            return
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.readConnectionLost()
        else:
            self.end(ConnectionDone())


class Joined:
    """A server's and a client's protocol, connected to each other.

    Args:
        server: the protocol that was accepted.
        client: the protocol that has connected.
        clock: what both have as their reactor.
    """

    def __init__(self, server: Protocol, client: Protocol, clock: Clock):
        self.server, self.client, self.clock = server, client, clock
        self.ends = [MemoryTransport(server, 80), MemoryTransport(client, 50000)]
        for end, peer in zip(self.ends, reversed(self.ends), strict=True):
            end.peer = peer
        for end in self.ends:
            end.protocol.makeConnection(end)

    def pump(self):
        """Move bytes until nothing moves."""
        server, client = self.ends
        while server.step() | client.step():
            pass

    def advance(self, seconds):
        """Let time pass, a second at a time, and bytes move meanwhile."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.pump()

    def drop(self, reason=None):
        """Break the connection, for both ends."""
        for end in self.ends:
            end.end(reason or ConnectionLost())
        self.pump()

    def vanish(self):
        """Cut the cable: from now on nothing arrives, and nobody is told."""
        for end in self.ends:
            end.frozen = True
