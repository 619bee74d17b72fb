"""A small message that inflates to a gigabyte: it must cost our server next to nothing."""

import zlib

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

import txws2
from tests.interop.peer_process import start_peer
from tests.interop.raw_client import NO_MASK, RawClient, connect, frame, memory_of, need_memory

MAX_SIZE = 2**20
# This is for memory besides max_size: the reads, the inflater, and the allocator's slack.
MARGIN = 2**20

OFFER = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
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

    async def test_it_is_refused_and_the_others_are_served(self):
        need_memory()
        self.server = start_peer(self, "txws2", "server", "{}")
        self.port = (await self.server.saw())["port"]
        other = await txws2.connect(f"ws://127.0.0.1:{self.port}/count", reactor=reactor)
        self.addCleanup(other.close)
        await other.send("how many?")
        await other.recv()
        client = await connect(self, self.port, "/echo", RawClient(), OFFER)
        self.assertIn(b"permessage-deflate", client.head)
        client.transport.resumeProducing()
        before = memory_of(self.server, "VmHWM")

        client.transport.write(frame(RSV1 | BINARY, bomb(), NO_MASK))
        self.assertEqual(await client.read(1), b"\x88")
        [length] = await client.read(1)
        self.assertEqual((await client.read(length))[:2], (1009).to_bytes(2, "big"))
        await other.send("how many?")
        self.assertEqual(await other.recv(), "0")
        self.assertLessEqual(memory_of(self.server, "VmHWM") - before, MAX_SIZE + MARGIN)
