"""A message larger than the allowed memory passes through our server in pieces."""

import json
from hashlib import sha256

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.interop.peer_process import start_peer
from tests.interop.raw_client import NO_MASK, RawClient, connect, memory_of, need_memory

PIECE = bytes(range(256)) * 256
PIECES = 4096
SIZE = len(PIECE) * PIECES
MEMORY = 4 * 2**20


@implementer(IPullProducer)
class OneFrame(RawClient):
    """Sends a quarter of a gigabyte in one frame, as fast as the server reads."""

    def send_message(self):
        self._left = PIECES
        self.sent = Deferred()
        self.transport.write(b"\x82\xff" + SIZE.to_bytes(8, "big") + NO_MASK)
        self.transport.registerProducer(self, False)

    def resumeProducing(self):
        self.transport.write(PIECE)
        self._left -= 1
        if not self._left:
            self.transport.unregisterProducer()
            self.sent.callback(None)

    def stopProducing(self):
        pass


class LargeMessageTests(TestCase):
    timeout = 60

    async def test_a_message_in_one_frame_passes_and_memory_stays(self):
        need_memory()
        server = start_peer(self, "txws2", "server", json.dumps({"max_size": None}))
        port = (await server.saw())["port"]
        client = await connect(self, port, "/sum", OneFrame())
        client.transport.resumeProducing()
        before = memory_of(server, "VmHWM")
        client.send_message()
        await client.sent
        checksum = sha256()
        for _ in range(PIECES):
            checksum.update(PIECE)
        expected = f"{SIZE} {checksum.hexdigest()}".encode()
        answer = await client.read(2 + len(expected))
        self.assertEqual(answer[2:], expected)
        self.assertLessEqual(memory_of(server, "VmHWM") - before, MEMORY)
