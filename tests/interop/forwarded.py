"""Much data through a forwarder of its own process, with a slow reader at the far end."""

import sys
from hashlib import sha256
from random import Random

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

import txws2
from tests.interop.peer_process import PEERS as SCRIPTS
from tests.interop.peer_process import Peer, start
from tests.interop.raw_client import memory_of, need_memory

__all__ = ["BulkTests", "Slow"]

MIB = 2**20
PIECE = 2**16
# A slow reader rests after so many bytes, for so many seconds.
_MEAL = MIB
_REST = 0.002


class Slow:
    """Hashes what it takes, and rests now and then.

    Attributes:
        count: the number of bytes so far.
    """

    def __init__(self):
        self._hash = sha256()
        self._eaten = self.count = 0

    def take(self, data):
        """Take bytes; return the seconds to rest, mostly 0."""
        self._hash.update(data)
        self.count += len(data)
        self._eaten += len(data)
        if self._eaten < _MEAL:
            return 0
        self._eaten = 0
        return _REST

    def digest(self):
        return self._hash.hexdigest()


class Service(Protocol):
    """The far end: a slow reader, which can also send.

    Attributes:
        slow: has the bytes that came.
        ended: fires when the forwarder has ended its side.
    """

    def __init__(self):
        self.slow = Slow()
        self.ended = Deferred()

    def dataReceived(self, data):
        rest = self.slow.take(data)
        if rest:
            self.transport.pauseProducing()
            reactor.callLater(rest, self.transport.resumeProducing)

    def connectionLost(self, reason):
        self.ended.callback(reason.value)


class Source:
    """A pull producer that sends random bytes, and then ends its side."""

    def __init__(self, transport, size):
        self._transport, self._left = transport, size
        self._random, self.hash = Random(1), sha256()
        transport.registerProducer(self, False)

    def resumeProducing(self):
        if not self._left:
            self._transport.unregisterProducer()
            self._transport.loseConnection()
            return
        data = self._random.randbytes(min(PIECE, self._left))
        self._left -= len(data)
        self.hash.update(data)
        self._transport.write(data)

    def stopProducing(self):
        self._left = 0


class BulkTests:
    """The cases, for a number of bytes.

    Attributes:
        size: the number of bytes.
    """

    growth = 8 * MIB

    async def connect(self):
        """Start a service and a forwarder; open a WebSocket."""
        need_memory()
        made = Deferred()
        factory = Factory()
        factory.protocol = lambda: made.callback(Service()) or made.result
        service = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(service.stopListening)
        self.process = start(self, Peer(), *self.command(service.getHost().port))
        port = (await self.process.saw())["port"]
        uri = f"ws://127.0.0.1:{port}/"
        self.ws = await txws2.connect(uri, compression=None, proxy=None, max_size=None)
        self.addCleanup(self.ws.close)
        self.service = made.result
        self.before = memory_of(self.process, "VmRSS")

    def command(self, port):
        return sys.executable, SCRIPTS / "forwarder.py", port

    def assertFlat(self):
        grown = memory_of(self.process, "VmHWM") - self.before
        self.assertLess(grown, self.growth)

    async def test_a_slow_service_gets_all_that_was_sent_before_the_close(self):
        await self.connect()
        random, sent = Random(2), sha256()
        for _ in range(self.size // PIECE):
            data = random.randbytes(PIECE)
            sent.update(data)
            await self.ws.send(data)
        await self.ws.close()
        await self.service.ended
        self.assertEqual(self.service.slow.count, self.size)
        self.assertEqual(self.service.slow.digest(), sent.hexdigest())
        self.assertFlat()

    async def test_a_slow_client_gets_all_that_the_service_has_sent_before_its_end(self):
        await self.connect()
        source, slow = Source(self.service.transport, self.size), Slow()
        async for message in self.ws:
            rest = slow.take(message)
            if rest:
                resting = Deferred()
                reactor.callLater(rest, resting.callback, None)
                await resting
        self.assertEqual((slow.count, self.ws.close_code), (self.size, 1000))
        self.assertEqual(slow.digest(), source.hash.hexdigest())
        self.assertFlat()
