"""A small message that inflates to a gigabyte: it must cost our server next to nothing."""

import os
import zlib
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.trial.unittest import SkipTest, TestCase

import txws2
from tests.interop.peer_process import start_peer
from tests.interop.test_slow_reader import NO_MASK, REQUEST, RawClient, frame

MAX_SIZE = 2**20
# Besides what a message may inflate to: the reads, the inflater, and the allocator's slack.
MARGIN = 2**20

OFFER = "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
RSV1 = 0x40
BINARY = 0x2


def bomb():
    """Return a gigabyte of zeros, deflated; each of its blocks stands for a megabyte."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = compressor.compress(bytes(2**20)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return block * 2**10


class BombTests(TestCase):
    """Attack 1."""

    timeout = 60

    def peak(self):
        """Return the most memory that the server has ever had, in bytes."""
        status = Path(f"/proc/{self.server.transport.pid}/status").read_text()
        return 1024 * int(status.split("VmHWM:")[1].split()[0])

    async def connect(self):
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", self.port)
        client = await connectProtocol(endpoint, RawClient())
        self.addCleanup(lambda: client.lost)
        self.addCleanup(client.transport.abortConnection)
        client.transport.write((REQUEST.format("/echo").removesuffix("\r\n") + OFFER).encode())
        self.assertIn(b"permessage-deflate", await client.head)
        client.transport.resumeProducing()
        return client

    async def test_it_is_refused_and_the_others_are_served(self):
        if not os.path.exists("/proc/self/status"):
            raise SkipTest("there is no /proc to read a process's memory from")
        self.server = start_peer(self, "txws2", "server", "{}")
        self.port = (await self.server.saw())["port"]
        other = await txws2.connect(f"ws://127.0.0.1:{self.port}/count", reactor=reactor)
        self.addCleanup(other.close)
        await other.send("how many?")
        await other.recv()
        client = await self.connect()
        before = self.peak()

        client.transport.write(frame(RSV1 | BINARY, bomb(), NO_MASK))
        self.assertEqual(await client.read(1), b"\x88")
        [length] = await client.read(1)
        self.assertEqual((await client.read(length))[:2], (1009).to_bytes(2, "big"))
        await other.send("how many?")
        self.assertEqual(await other.recv(), "0")
        self.assertLessEqual(self.peak() - before, MAX_SIZE + MARGIN)
