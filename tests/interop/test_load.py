"""A thousand clients at once, on `twistd ws`."""

import re
import resource
import sys
from collections import deque
from pathlib import Path
from random import Random

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.selectreactor import SelectReactor
from twisted.trial.unittest import SkipTest, TestCase

import txws2
from tests.interop.peer_process import ProcessLines, start

# select() takes descriptors below 1024 only, and some of these are the process's own files.
CLIENTS = 500 if isinstance(reactor, SelectReactor) else 1000
MESSAGES = 100
# This is for the process's own files, besides the sockets of the clients.
MIN_FILES = 4096


def messages(seed, count):
    """Generate messages of up to 64 KiB, of all orders of magnitude, the same for a seed."""
    random = Random(seed)
    for _ in range(count):
        yield random.randbytes(int(2 ** random.uniform(0, 16)))


class Conversation:
    """A client that sends messages and gets them back.

    Attributes:
        begun: fires when the first message has come back.
    """

    def __init__(self, ws):
        self.ws = ws
        self.begun = Deferred()
        self._under_way = deque()

    async def send(self, seed, count):
        for message in messages(seed, count):
            self._under_way.append(message)
            await self.ws.send(message)

    async def receive(self, count):
        for _ in range(count):
            if await self.ws.recv() != self._under_way.popleft():
                raise AssertionError("a message came back as another one")
            if not self.begun.called:
                self.begun.callback(None)


class LoadTests(TestCase):
    timeout = 110

    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < MIN_FILES:
            raise SkipTest(f"only {hard} files may be open; this needs {MIN_FILES}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    async def start_twistd(self):
        twistd = Path(sys.executable).with_name("twistd")
        options = "-n", "--pidfile=", "ws", "--listen", "tcp:0:interface=127.0.0.1"
        process = start(self, ProcessLines(), twistd, *options)
        address = None
        while address is None:
            address = re.search(r"listening on (ws://127\.0\.0\.1:\d+/)", await process.line())
        return process, address[1]

    async def converse(self, uri, count):
        """Connect all the clients at once."""
        # Random bytes can't be compressed; trying would take most of the time.
        options = {"open_timeout": 60, "compression": None, "reactor": reactor}
        connecting = [txws2.connect(uri, **options) for _ in range(count)]
        connections = await gatherResults(connecting, consumeErrors=True)
        conversations = [Conversation(ws) for ws in connections]
        for conversation in conversations:
            self.addCleanup(conversation.ws.close)
        return conversations

    async def test_a_thousand_clients_get_every_message_back_in_order(self):
        _, uri = await self.start_twistd()
        talking = []
        for seed, conversation in enumerate(await self.converse(uri, CLIENTS)):
            talking.append(ensureDeferred(conversation.send(seed, MESSAGES)))
            talking.append(ensureDeferred(conversation.receive(MESSAGES)))
        await gatherResults(talking, consumeErrors=True)

    async def test_sigterm_amid_traffic_closes_every_client_with_1001(self):
        process, uri = await self.start_twistd()
        conversations = await self.converse(uri, CLIENTS)
        talking = []
        for seed, conversation in enumerate(conversations):
            # These are more messages than there is time for.
            talking.append(ensureDeferred(conversation.send(seed, 10**6)))
            talking.append(ensureDeferred(conversation.receive(10**6)))
        await gatherResults([conversation.begun for conversation in conversations])
        process.transport.signalProcess("TERM")
        for talk in talking:
            exc = await self.assertFailure(talk, txws2.ConnectionClosedOK)
            self.assertEqual(exc.rcvd.code, 1001)
        self.assertEqual(await process.ended, 0)
        said = "\n".join(await process.lines()) + process.errors.decode()
        self.assertNotIn("Traceback", said)
        self.assertNotIn("Unhandled", said)
