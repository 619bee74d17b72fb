"""A client that reads nothing: our server must wait for it, and keep its memory small."""

import json
from random import Random

from twisted.internet import reactor
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from zope.interface import implementer

import txws2
from tests.interop.peer_process import start_peer
from tests.interop.raw_client import NO_MASK, RawClient, connect, frame, memory_of, need_memory

SIZE = 2**16
MESSAGES = 2**10
MEMORY = 4 * 2**20
# The count of sent messages must be the same this many times, with these seconds in between.
STEADY = 20
PAUSE = 0.05


def message(seed):
    return Random(seed).randbytes(SIZE)


@implementer(IPushProducer)
class SendingClient(RawClient):
    """Sends messages, as a producer for its own transport, as long as there is room."""

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

    async def start_server(self):
        need_memory()
        settings = json.dumps({"messages": MESSAGES, "size": SIZE})
        self.server = start_peer(self, "txws2", "server", settings)
        self.port = (await self.server.saw())["port"]
        uri = f"ws://127.0.0.1:{self.port}/count"
        self.counter = await txws2.connect(uri, reactor=reactor)
        self.addCleanup(self.counter.close)

    async def sent(self):
        await self.counter.send("how many?")
        return int(await self.counter.recv())

    async def until_it_waits(self):
        """Return the number of messages that the server has sent, once it sends no more."""
        last, steady = 0, 0
        while steady < STEADY:
            await deferLater(reactor, PAUSE)
            count = await self.sent()
            steady = steady + 1 if count == last > 0 else 0
            last = count
        return last

    async def test_a_server_that_sends_waits_and_loses_nothing(self):
        await self.start_server()
        client = await connect(self, self.port, "/send", RawClient())
        await self.waits_and_loses_nothing(client, lambda: None)

    async def test_a_server_that_echoes_waits_and_loses_nothing(self):
        await self.start_server()
        client = await connect(self, self.port, "/echo", SendingClient())
        await self.waits_and_loses_nothing(client, client.send_messages)

    async def waits_and_loses_nothing(self, client, begin):
        await self.sent()
        before = memory_of(self.server, "VmRSS")
        client.transport.write(frame(1, b"go", NO_MASK))
        begin()
        self.assertLess(await self.until_it_waits(), MESSAGES)
        self.assertLessEqual(memory_of(self.server, "VmRSS") - before, MEMORY)
        client.transport.resumeProducing()
        for seed in range(MESSAGES):
            expected = frame(2, message(seed))
            self.assertTrue(await client.read(len(expected)) == expected, f"message {seed}")
        self.assertEqual(await self.sent(), MESSAGES)
