"""An HTTP proxy that makes tunnels, on real sockets: each end is told what the other does."""

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

__all__ = ["TunnelFactory", "start_proxy"]

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@implementer(IHalfCloseableProtocol)
class _End(Protocol):
    """One end of a tunnel."""

    other = None
    ended = False

    def __init__(self):
        self.gone = Deferred()

    def dataReceived(self, data):
        self.other.transport.write(data)

    def readConnectionLost(self):
        self.ended = True
        if self.other is None or self.other.ended:
            self.transport.loseConnection()
        else:
            self.other.transport.loseWriteConnection()

    def writeConnectionLost(self):
        pass

    def connectionLost(self, reason):
        self.gone.callback(None)
        other, self.other = self.other, None
        if other is not None:
            # If both ends were closed cleanly, there may still be bytes to write.
            close = "loseConnection" if self.ended else "abortConnection"
            getattr(other.transport, close)()


class _Entrance(_End):
    """The end of the client, who names the tunnel's target."""

    def __init__(self):
        super().__init__()
        self._head = b""

    def connectionMade(self):
        self.factory.entrances.append(self)

    def dataReceived(self, data):
        if self.other is not None:
            super().dataReceived(data)
            return
        self._head += data
        if b"\r\n\r\n" in self._head:
            self.transport.pauseProducing()
            Deferred.fromCoroutine(self._dig())

    async def _dig(self):
        _, target, _ = self._head.split(b"\r\n")[0].decode().split()
        self.factory.targets.append(target)
        port = int(target.rpartition(":")[2])
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        try:
            exit_ = await endpoint.connect(Factory.forProtocol(_End))
        except ConnectError:
            self.transport.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            self.transport.loseConnection()
            return
        self.other, exit_.other = exit_, self
        if self.gone.called:
            exit_.transport.abortConnection()
        else:
            # This is sent at once, so that it arrives even if the server resets the
            # connection now.
            self.transport.getHandle().send(ESTABLISHED)
            self.transport.resumeProducing()


class TunnelFactory(Factory):
    """Makes the proxy's connections; all tunnels lead to this machine.

    Attributes:
        targets: the host and port of each requested tunnel.
        entrances: the connections of the clients.
    """

    protocol = _Entrance
    noisy = False

    def __init__(self):
        self.targets, self.entrances = [], []


async def start_proxy(case):
    """Listen until the end of a test case; return the factory, whose `url` is the proxy's."""
    factory = TunnelFactory()
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    factory.url = f"http://127.0.0.1:{port.getHost().port}"
    case.addCleanup(lambda: DeferredList([entrance.gone for entrance in factory.entrances]))
    case.addCleanup(port.stopListening)
    return factory
