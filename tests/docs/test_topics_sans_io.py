"""docs/topics/sans-io.rst: its programs speak WebSocket without Twisted."""

import sys
from pathlib import Path

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import ExampleTestCase, blocks, free_port

PAGE = Path(ROOT, "docs", "topics", "sans-io.rst").read_text()
EXAMPLES = Path(ROOT, "docs", "examples", "topics")
# Twisted's modules, if the program has imported any.
LOADED = 'import sys; print(sorted(name for name in sys.modules if name.startswith("twisted")))'


class BlockTests(ExampleTestCase):
    async def test_two_connections_talk_in_memory_without_twisted(self):
        [block] = blocks(PAGE, "python")
        command = await self.start(sys.executable, "-c", block + LOADED).ended
        lines = command.out.splitlines()
        self.assertEqual(lines[0], "['hello', Ping(payload=b'1')]")
        self.assertEqual(lines[1:], ["['again', Pong(payload=b'2')]", "[]"])


class PlainSocketsTests(ExampleTestCase):
    async def test_the_client_hears_the_echo(self):
        text = (EXAMPLES / "plain_sockets.py").read_text()
        command = await self.run_block(text + "    " + LOADED, free_port()).ended
        self.assertEqual(command.err, "")
        self.assertEqual(command.out, "hello\n[] 1000 (OK) bye\n[]\n")


class AsyncioTests(ExampleTestCase):
    async def setUp(self):
        self.port = free_port()
        text = (EXAMPLES / "on_asyncio.py").read_text()
        self.command = self.run_block(text, self.port)
        await self.until_somebody_listens(self.port)

    async def test_it_answers_messages_pings_and_close_frames(self):
        async with txws2.connect(f"ws://localhost:{self.port}/") as ws:
            self.assertIn("permessage-deflate", ws.response.headers["Sec-WebSocket-Extensions"])
            for message in "hello", b"x" * 100_000:
                await ws.send(message)
                self.assertEqual(await ws.recv(), message)
            await ws.ping()
        self.assertEqual(ws.close_code, 1000)
        await self.command.shown("Closing")

    async def test_it_refuses_what_it_must(self):
        ws = await txws2.connect(f"ws://localhost:{self.port}/")
        ws.transport.write(b"\xff\xff")
        await ws.wait_closed()
        self.assertEqual(ws.close_code, 1002)
        await self.command.shown("Failed")
