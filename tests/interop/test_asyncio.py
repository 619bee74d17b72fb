"""Libraries of asyncio in handlers: aiohttp, and redis.asyncio with a redis-server.

Each program runs in a process of its own, on asyncio's reactor, as in docs/howto/asyncio.rst.
"""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from urllib.request import urlopen

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from tests.command.test_commands import ROOT, TWISTD
from tests.support.examples import ExampleTestCase, blocks, free_port
from txws2 import connect

PAGE = blocks(Path(ROOT, "docs", "howto", "asyncio.rst").read_text(), "python")
FETCH, CLIENT, TIMEOUT, CHAT, SITE, EMBEDDED = PAGE

ECHO = """
async def handler(ws):
    async for message in ws:
        await ws.send(message)
"""

RUN = """
import asyncio, txws2
{handler}
txws2.run(handler, "localhost", 8000, reactor="asyncio")
"""

PULL = """
import asyncio, redis.asyncio, txws2

db = redis.asyncio.from_url("redis://localhost", decode_responses=True)

async def by_recv(ws):
    key = await ws.recv()
    await db.set(key, await asyncio.wait_for(ws.recv(), 60))
    await ws.send(await db.get(key))

async def by_iterating(ws):
    async for key in ws:
        await ws.send(str(await db.incr(key)))

async def handler(ws):
    await (by_recv if ws.request.path == "/recv" else by_iterating)(ws)

txws2.run(handler, "localhost", 8000, reactor="asyncio")
"""


class AsyncioTests(ExampleTestCase):
    reactor = "asyncio"

    async def run_program(self, text, *changes):
        """Run a program on a free port; return the process and the URI once it listens."""
        port = free_port()
        for old, new in (('"asyncio")', f'"{self.reactor}")'), *changes):
            self.assertIn(old, text)
            text = text.replace(old, new)
        process = self.run_block(text, port)
        await self.until_somebody_listens(port)
        return process, f"ws://localhost:{port}/"

    async def start_redis(self):
        """Start a redis-server for a program; return its process, and the change to the program."""
        program = shutil.which("redis-server")
        if program is None:
            raise SkipTest("there is no redis-server here")
        # The path of a Unix socket must be short.
        path = Path(mkdtemp())
        self.addCleanup(shutil.rmtree, path)
        nowhere = "--port", "0", "--unixsocket", f"{path}/redis", "--dir", str(path)
        process = self.start(program, *nowhere, "--save", "", "--appendonly", "no")
        await process.shown("The server is now ready to accept connections")
        return process, ("redis://localhost", f"unix://{path}/redis")

    async def assertEnds(self, process):
        process.transport.signalProcess("INT")
        await process.ended
        self.assertEqual(process.status, 0, process.err)
        self.assertNotRegex(process.err, "Traceback|destroyed|never|Unclosed")

    async def test_the_client_of_aiohttp_in_a_handler_beside_a_site_of_aiohttp(self):
        site = free_port()
        its = ("8080", str(site))
        server, uri = await self.run_program(SITE, its)
        text = await deferToThread(lambda: urlopen(f"http://localhost:{site}/").read())
        self.assertEqual(text, b"hello")
        async with connect(uri) as ws:
            await ws.send("hello")
            self.assertEqual(await ws.recv(), "hello")
        fetching, uri = await self.run_program(FETCH, its)
        async with connect(uri) as ws:
            for _ in range(3):
                await ws.send("/")
                self.assertEqual(await ws.recv(), "hello")
        await self.assertEnds(fetching)
        await self.assertEnds(server)

    async def test_redis_between_messages(self):
        _, its = await self.start_redis()
        process, uri = await self.run_program(PULL, its)
        async with connect(uri + "recv") as ws:
            await ws.send("key")
            await ws.send("grüße")
            self.assertEqual(await ws.recv(), "grüße")
            await ws.wait_closed()
        self.assertEqual(ws.close_code, 1000)
        async with connect(uri) as ws:
            for count in range(1, 10):
                await ws.send("count")
                self.assertEqual(await ws.recv(), str(count))
        await self.assertEnds(process)

    async def chat(self):
        """Start the chat; return redis, the process and the URI."""
        redis, its = await self.start_redis()
        process, uri = await self.run_program(CHAT, its)
        return redis, process, uri

    async def enter(self, uri):
        """Connect, and make sure that redis knows of the connection."""
        ws = await connect(uri)
        self.addCleanup(ws.close)
        await ws.send("here")
        while await ws.recv() != "here":
            pass
        return ws

    async def test_messages_of_redis_go_to_many(self):
        _, process, uri = await self.chat()
        everybody = [await self.enter(uri) for _ in range(20)]
        for message in "one", "two":
            await everybody[0].send(message)
        for ws in everybody:
            while (message := await ws.recv()) == "here":
                pass
            self.assertEqual((message, await ws.recv()), ("one", "two"))
        for ws in everybody[:10]:
            await ws.close()
        # A client that is cut off doesn't fail, either.
        for ws in everybody[10:15]:
            ws.transport.abortConnection()
        await everybody[-1].send("still here")
        self.assertEqual(await everybody[-1].recv(), "still here")
        await self.assertEnds(process)
        self.assertEqual(everybody[-1].close_code, 1001)

    async def test_when_redis_is_killed_the_handler_fails_and_the_log_says_why(
        self,
    ):
        redis, process, uri = await self.chat()
        ws = await self.enter(uri)
        redis.transport.signalProcess("KILL")
        await ws.wait_closed()
        self.assertEqual((ws.close_code, ws.close_reason), (1011, ""))
        await process.shown("connection handler failed(.*\n)*.*ConnectionError")
        self.assertEqual(process.err.count("connection handler failed"), 1)
        self.assertNotIn("destroyed", process.err)
        self.assertNotIn("never retrieved", process.err)

    async def test_a_timeout_around_recv_loses_no_message(self):
        sooner = "timeout(30)", "timeout(0.001)"
        process, uri = await self.run_program(TIMEOUT, sooner)
        async with connect(uri) as ws:
            for number in range(50):
                await ws.send(str(number))
                while (message := await ws.recv()) == "Are you still there?":
                    pass
                self.assertEqual(message, str(number))
        await self.assertEnds(process)

    async def test_a_client(self):
        process, uri = await self.run_program(RUN.format(handler=ECHO))
        port = int(uri.split(":")[2][:-1])
        client = self.run_block(CLIENT.replace('"asyncio"', f'"{self.reactor}"'), port)
        await client.ended
        self.assertEqual((client.out, client.err, client.status), ("hello\n", "", 0))
        await self.assertEnds(process)


class UvloopTests(AsyncioTests):
    """The same tests on uvloop."""

    reactor = "uvloop"

    def setUp(self):
        if find_spec("uvloop") is None:
            raise SkipTest("uvloop is not installed")


class OtherWaysTests(ExampleTestCase):
    async def assertEchoes(self, uri):
        async with connect(uri) as ws:
            await ws.send("hello")
            self.assertEqual(await ws.recv(), "hello")

    async def test_a_program_with_a_loop_of_its_own(self):
        port = free_port()
        text = EMBEDDED.replace("await server.serve_forever()", "await asyncio.sleep(SECONDS)")
        text = text.replace("async def main", "SECONDS = 3600\n\nasync def main")
        self.run_block(text, port)
        await self.until_somebody_listens(port)
        await self.assertEchoes(f"ws://localhost:{port}/")
        ends = self.run_block(text.replace("3600", "0"), free_port())
        await ends.ended
        self.assertEqual((ends.err, ends.status), ("", 0))

    async def test_twistd(self):
        path = self.make_directory()
        (path / "chat.py").write_text(
            "import asyncio\n"
            "async def handler(ws):\n"
            "    await asyncio.create_task(ws.send(type(asyncio.get_running_loop()).__module__))\n"
        )
        listen = "--listen", "tcp:0:interface=127.0.0.1", "--app", "chat:handler"
        command = TWISTD, "-n", "--pidfile=", "--reactor=asyncio", "ws", *listen
        process = self.start(*command, path=str(path))
        uri = (await process.shown(r"listening on (ws://127\.0\.0\.1:\d+/)"))[1]
        async with connect(uri) as ws:
            self.assertRegex(await ws.recv(), "asyncio")

    async def test_a_program_that_is_started_again_as_a_file_has_changed(self):
        port = free_port()
        text = RUN.format(handler=ECHO).replace("8000,", f"{port}, reload=True,")
        path = self.make_directory() / "example.py"
        path.write_text(text)
        process = self.start(sys.executable, str(path))
        await process.shown("listening on")
        await self.assertEchoes(f"ws://localhost:{port}/")
        path.write_text(text.replace("send(message)", "send('new')"))
        os.utime(path, (10**9, 10**9))
        await process.shown("listening on(.*\n)*.*/\n.*listening on ws://127")
        async with connect(f"ws://localhost:{port}/") as ws:
            await ws.send("hello")
            self.assertEqual(await ws.recv(), "new")
        process.transport.signalProcess("TERM")
        await process.ended
        self.assertEqual((process.status, "Traceback" in process.err), (0, False), process.err)

    async def test_on_another_reactor_the_log_names_the_page(self):
        port = free_port()
        process = self.run_block(FETCH.replace(', reactor="asyncio"', ""), port)
        await self.until_somebody_listens(port)
        async with connect(f"ws://localhost:{port}/") as ws:
            await ws.send("/")
            await ws.wait_closed()
        self.assertEqual(ws.close_code, 1011)
        await process.shown(r"docs/howto/asyncio\.rst")
