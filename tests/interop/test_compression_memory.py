"""Compression with a small budget of memory, and with peers of another kind."""

import json
import zlib
from contextlib import ExitStack

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from websockets.sync.client import connect as websockets_connect

import txws2
from tests.interop.directions import settings
from tests.interop.peer_process import start_peer
from tests.interop.raw_client import NO_MASK, RawClient, connect, memory_of, need_memory
from tests.support.zlibs import WithZlib, with_ng

COUNT = 40
# select() takes descriptors below 1024 only, and some of these are the process's own files.
MANY = 500 if isinstance(reactor, SelectReactor) else 1000
LIMIT = 2**19
OFFER = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"


def message(turn, number):
    return json.dumps([{"turn": turn, "number": number, "at": at} for at in range(20)])


class PeerTests(WithZlib, TestCase):
    """Attack 34: the library websockets inflates and compresses; it notices nothing."""

    timeout = 60

    async def test_its_many_clients_get_each_message_back(self):
        server = await txws2.serve(
            self.echo, "127.0.0.1", 0, compression_memory=LIMIT, reactor=reactor
        )
        self.addCleanup(server.wait_closed)
        self.addCleanup(server.close)
        await deferToThread(self.talk, server.addresses[0].port)
        await gatherResults([each.wait_closed() for each in server.connections])
        self.assertEqual(self.budget.held, 0)

    async def echo(self, ws):
        self.budget = ws.factory.compression_budget
        async for received in ws:
            await ws.send(received)

    def talk(self, port):
        """Echo messages on many connections in turn, and on a busy one each time."""
        with ExitStack() as stack:
            clients = [
                stack.enter_context(websockets_connect(f"ws://127.0.0.1:{port}/"))
                for _ in range(COUNT)
            ]
            busy = clients.pop()
            for turn in range(3):
                for number, client in enumerate(clients):
                    for each in (client, busy):
                        said = message(turn, number)
                        each.send(said)
                        self.assertEqual(each.recv(), said)
                    self.assertLessEqual(self.budget.held, LIMIT)

    async def test_its_server_gets_each_message_and_we_get_it_back(self):
        peer = start_peer(self, "websockets", "server", settings((), ()))
        uri = f"ws://127.0.0.1:{(await peer.saw())['port']}/"
        for limit in (0, None):
            async with txws2.connect(uri, compression_memory=limit, reactor=reactor) as ws:
                for turn in range(20):
                    for said in (message(turn, 1), message(turn, 2).encode() * 20):
                        await ws.send(said)
                        self.assertEqual(await ws.recv(), said)


@with_ng
class PeerWithNGTests(PeerTests):
    pass


class MemoryTests(TestCase):
    """Attack 34."""

    timeout = 120

    async def test_many_connections_with_a_message_each_take_a_few_kib_each(self):
        need_memory()
        limit = 2**22
        options = json.dumps({"compression_memory": limit})
        server = start_peer(self, "txws2", "server", options)
        port = (await server.saw())["port"]
        clients = [await connect(self, port, "/echo", RawClient(), OFFER) for _ in range(MANY)]
        before = memory_of(server, "VmRSS")
        for client in clients:
            client.transport.resumeProducing()
            compressor = zlib.compressobj(wbits=-12)
            for text in (b"go", message(1, 1).encode()):
                data = compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH)
                data = data.removesuffix(b"\x00\x00\xff\xff")
                self.assertLess(len(data), 126 * 2)
                size = bytes([0x80 | len(data)])
                if len(data) > 125:
                    size = b"\xfe" + len(data).to_bytes(2, "big")
                client.transport.write(b"\xc1" + size + NO_MASK + data)
            self.assertEqual(await client.read(1), b"\xc1")
        # 200 KiB each without a limit, with zlib-ng, and 60 with zlib.
        grown = memory_of(server, "VmRSS") - before
        self.assertLess(grown, limit + len(clients) * 12 * 2**10)
