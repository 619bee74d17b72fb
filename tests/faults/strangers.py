"""Hostile clients, which speak TCP to the server."""

from itertools import islice

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from twisted.internet.task import LoopingCall
from zope.interface import implementer

from tests.interop.raw_client import REQUEST, RawClient

# The number of clients that connect, or write, at once. More would only slow down this process.
TOGETHER = 25

HEAD = REQUEST.format("/", "X-Padding: " + "x" * 1000 + "\r\n").encode()


class Loris(Protocol):
    """Sends its request one byte at a time.

    Attributes:
        answered: fires with the first line of the response, or None if there was none.
    """

    def __init__(self):
        self.answered = Deferred()
        self._received = b""
        self._left = iter(HEAD)

    def dribble(self):
        """Send the next byte, unless a response has come."""
        if self.connected and not self._received:
            self.transport.write(bytes(islice(self._left, 1)))

    def dataReceived(self, data):
        self._received += data

    def connectionLost(self, reason):
        self.answered.callback(self._received.partition(b"\r\n")[0].decode() or None)


async def start_lorises(test, port, count, interval=0.5):
    """Connect `count` clients, each of which sends a byte in each interval of seconds."""
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    lorises = [Loris() for _ in range(count)]
    for begin in range(0, count, TOGETHER):
        some = lorises[begin : begin + TOGETHER]
        await gatherResults([connectProtocol(endpoint, loris) for loris in some])
        dribbling = LoopingCall(_dribble, some)
        dribbling.start(interval)
        test.addCleanup(dribbling.stop)
    test.addCleanup(_leave, lorises)
    return lorises


def _dribble(lorises):
    for loris in lorises:
        loris.dribble()


def _leave(lorises):
    for loris in lorises:
        loris.transport.abortConnection()
    return gatherResults([loris.answered for loris in lorises])


@implementer(IPushProducer)
class Flood(RawClient):
    """Sends the same bytes again and again, as fast as the server reads, and reads nothing.

    Attributes:
        written: the number of bytes given to its transport.
        done: fires when all bytes were written.
    """

    CHUNK = 2**16

    def flood(self, data, size):
        """Begin to send `data`, again and again, up to `size` bytes."""
        self.written = 0
        self.done = Deferred()
        self._size = size
        self._chunk = data * (self.CHUNK // len(data))
        self.transport.registerProducer(self, True)
        self.resumeProducing()

    def pauseProducing(self):
        self._paused = True

    def resumeProducing(self):
        self._paused = False
        while not self._paused and self.written < self._size:
            self.written += len(self._chunk)
            self.transport.write(self._chunk)
        if self.written >= self._size and not self.done.called:
            self.transport.unregisterProducer()
            self.done.callback(None)

    def stopProducing(self):
        self._paused = True


class Resetting(Protocol):
    """Sends some bytes, and resets the connection.

    Args:
        data: the bytes to send.
        delay: the seconds until the reset; None to reset when an answer comes, after a second at
            the latest.

    Attributes:
        gone: fires when the connection is reset.
    """

    def __init__(self, data, delay):
        self.gone = Deferred()
        self._data = data
        self._delay = delay

    def connectionMade(self):
        # The transport would write nothing before the reactor's next turn. If the socket takes
        # only some of the bytes, that is one more point at which to reset.
        self.transport.getHandle().send(self._data)
        if self._delay == 0:
            self.transport.abortConnection()
        else:
            self._resetting = reactor.callLater(self._delay or 1, self.transport.abortConnection)

    def dataReceived(self, data):
        if self._delay is None:
            self.transport.abortConnection()

    def connectionLost(self, reason):
        if self._delay != 0 and self._resetting.active():
            self._resetting.cancel()
        self.gone.callback(None)
