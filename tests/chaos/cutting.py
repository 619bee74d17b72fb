"""A TCP proxy that cuts, halves, silences and delays connections, as networks do."""

import enum
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer


class Kind(enum.Enum):
    CUT = "cut"
    """Both ends learn at once that the connection is lost."""
    HALF_CLOSE = "half-close"
    """The receiving end learns that no more bytes will come."""
    SILENCE = "silence"
    """No bytes arrive any more, and neither end learns why."""
    DELAY = "delay"
    """No bytes arrive for a while."""


class Fault(NamedTuple):
    """The fault that a connection gets.

    Attributes:
        kind: a `Kind`.
        after: the number of bytes, both ways together, before the fault. The bytes that exceed it
            are lost, but for a delay.
        seconds: the length of a delay.
    """

    kind: Kind
    after: int
    seconds: float = 0.0


@implementer(IHalfCloseableProtocol)
class _End(Protocol):
    """An end of a connection through the proxy."""

    other = None

    def __init__(self, passage):
        self.passage = passage

    def connectionMade(self):
        self.transport.setTcpNoDelay(True)
        self.passage.ends.append(self)

    def dataReceived(self, data):
        self.passage.carry(data, self.other)

    def readConnectionLost(self):
        if not self.passage.silent:
            self.other.transport.loseWriteConnection()

    def writeConnectionLost(self):
        pass

    def connectionLost(self, reason):
        self.passage.ends.remove(self)
        if not self.passage.ends:
            self.passage.proxy.forget(self.passage)
        if not self.passage.silent:
            self.passage.cut()


class _Outer(_End):
    """The client's end, which first connects to the server."""

    def connectionMade(self):
        super().connectionMade()
        Deferred.fromCoroutine(self.passage.open(self))


class _Passage:
    """A connection through the proxy, and the fault that it will get."""

    def __init__(self, proxy, fault):
        self.proxy = proxy
        self.fault = fault
        self.carried = 0
        self.silent = False
        self.ends = []

    async def open(self, client):
        """Connect to the server for a client that has connected to the proxy."""
        client.transport.pauseProducing()
        factory = Factory.forProtocol(lambda: _End(self))
        endpoint = TCP4ClientEndpoint(self.proxy.reactor, "127.0.0.1", self.proxy.target)
        try:
            server = await endpoint.connect(factory)
        except ConnectError:
            client.transport.abortConnection()
            return
        client.other, server.other = server, client
        if client in self.ends:
            client.transport.resumeProducing()
        else:
            server.transport.abortConnection()

    def carry(self, data, towards):
        """Pass bytes on to the other end, or cause the fault if it is due."""
        self.carried += len(data)
        self.proxy.carried += len(data)
        fault = self.fault
        if self.silent:
            return
        if fault is None or self.carried <= fault.after:
            towards.transport.write(data)
            return
        self.fault = None
        self.proxy.happened[fault.kind] += 1
        if fault.kind is Kind.CUT:
            self.cut()
        elif fault.kind is Kind.HALF_CLOSE:
            towards.transport.loseWriteConnection()
        elif fault.kind is Kind.SILENCE:
            self.silent = True
        else:
            towards.transport.write(data)
            self.pause(fault.seconds)

    def pause(self, seconds):
        for end in self.ends:
            end.transport.pauseProducing()
        self.proxy.reactor.callLater(seconds, self.resume)

    def resume(self):
        for end in self.ends:
            end.transport.resumeProducing()

    def cut(self):
        for end in list(self.ends):
            end.transport.abortConnection()


class CuttingProxy(Factory):
    """Passes connections on to a server; each gets the next of the faults.

    Attributes:
        target: the server's port, on 127.0.0.1.
        happened: the number of faults of each kind so far.
        carried: the number of bytes that came from both ends of all connections.
    """

    noisy = False

    def __init__(self, reactor, target, faults):
        self.reactor = reactor
        self.target = target
        self.happened = dict.fromkeys(Kind, 0)
        self.carried = 0
        self._faults = iter(faults)
        self._passages = set()

    def buildProtocol(self, address):
        passage = _Passage(self, next(self._faults, None))
        self._passages.add(passage)
        return _Outer(passage)

    def cut_all(self):
        """Abort all connections, silent ones included."""
        for passage in list(self._passages):
            passage.silent = False
            passage.cut()

    def forget(self, passage):
        """Forget a connection that is lost."""
        self._passages.discard(passage)
