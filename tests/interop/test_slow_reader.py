"""A client that reads nothing: our server must wait for it, and keep its memory small."""

import json
import os
from pathlib import Path
from random import Random

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase
from zope.interface import implementer

import txws2
from tests.interop.peer_process import start_peer

SIZE = 2**16
MESSAGES = 2**10
MEMORY = 4 * 2**20
# How often the count of messages sent must come out the same, and the seconds in between.
STEADY = 20
PAUSE = 0.05

REQUEST = (
    "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def message(seed):
    return Random(seed).randbytes(SIZE)


def frame(opcode, payload, mask=b""):
    """Return a frame; a client's has a mask, here one that changes nothing."""
    masked = 0x80 if mask else 0
    if len(payload) < 126:
        return bytes([0x80 | opcode, masked | len(payload)]) + mask + payload
    return bytes([0x80 | opcode, masked | 127]) + len(payload).to_bytes(8, "big") + mask + payload


NO_MASK = bytes(4)


@implementer(IPushProducer)
class RawClient(Protocol):
    """Speaks just enough of the protocol to read as slowly as it likes.

    Attributes:
        head: fires with the answer to the handshake; from then on it reads nothing.
        lost: fires when the connection is gone.
    """

    def __init__(self):
        self.head = Deferred()
        self.lost = Deferred()
        self._received = b""
        self._chunks = DeferredQueue()

    def dataReceived(self, data):
        if self.head.called:
            self._chunks.put(data)
            return
        self._received += data
        if b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            self._received = b""
            self._chunks.put(rest)
            self.transport.pauseProducing()
            self.head.callback(head)

    def connectionLost(self, reason):
        self._chunks.put(b"")
        self.lost.callback(None)

    async def read(self, size):
        """Return exactly as many bytes."""
        chunks, missing = [self._received], size - len(self._received)
        while missing > 0:
            chunks.append(await self._chunks.get())
            missing -= len(chunks[-1])
        data = b"".join(chunks)
        self._received = data[size:]
        return data[:size]

    # As a producer, for its own transport: sends messages as long as there is room.

    def send_messages(self):
        self._seed = 0
        self._paused = False
        self.transport.registerProducer(self, True)
        self.resumeProducing()

    def pauseProducing(self):
        self._paused = True

    def resumeProducing(self):
        self._paused = False
        while not self._paused and self._seed < MESSAGES:
            self.transport.write(frame(2, message(self._seed), NO_MASK))
            self._seed += 1
        if self._seed == MESSAGES:
            self.transport.unregisterProducer()

    def stopProducing(self):
        self._paused = True


class SlowReaderTests(TestCase):
    timeout = 60

    def memory(self):
        """Return how many bytes of memory the server has."""
        status = Path(f"/proc/{self.server.transport.pid}/status").read_text()
        return 1024 * int(status.split("VmRSS:")[1].split()[0])

    async def start_server(self):
        if not os.path.exists("/proc/self/status"):
            raise SkipTest("there is no /proc to read a process's memory from")
        settings = json.dumps({"messages": MESSAGES, "size": SIZE})
        self.server = start_peer(self, "txws2", "server", settings)
        self.port = (await self.server.saw())["port"]
        uri = f"ws://127.0.0.1:{self.port}/count"
        self.counter = await txws2.connect(uri, reactor=reactor)
        self.addCleanup(self.counter.close)

    async def connect(self, path):
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", self.port)
        client = await connectProtocol(endpoint, RawClient())
        self.addCleanup(lambda: client.lost)
        self.addCleanup(client.transport.abortConnection)
        client.transport.write(REQUEST.format(path).encode())
        self.assertIn(b" 101 ", await client.head)
        return client

    async def sent(self):
        await self.counter.send("how many?")
        return int(await self.counter.recv())

    async def until_it_waits(self):
        """Return how many messages the server has sent, once it sends no more."""
        last, steady = 0, 0
        while steady < STEADY:
            await deferLater(reactor, PAUSE)
            count = await self.sent()
            steady = steady + 1 if count == last > 0 else 0
            last = count
        return last

    async def test_a_server_that_sends_waits_and_loses_nothing(self):
        await self.start_server()
        client = await self.connect("/send")
        await self.waits_and_loses_nothing(client, lambda: None)

    async def test_a_server_that_echoes_waits_and_loses_nothing(self):
        await self.start_server()
        client = await self.connect("/echo")
        await self.waits_and_loses_nothing(client, client.send_messages)

    async def waits_and_loses_nothing(self, client, begin):
        await self.sent()
        before = self.memory()
        client.transport.write(frame(1, b"go", NO_MASK))
        begin()
        self.assertLess(await self.until_it_waits(), MESSAGES)
        self.assertLessEqual(self.memory() - before, MEMORY)
        client.transport.resumeProducing()
        for seed in range(MESSAGES):
            expected = frame(2, message(seed))
            self.assertTrue(await client.read(len(expected)) == expected, f"message {seed}")
        self.assertEqual(await self.sent(), MESSAGES)
