"""Handlers and clients that use asyncio, on its reactor, in a process of their own."""

import importlib.util
import sys

from twisted.trial.unittest import SkipTest

from tests.support.examples import ExampleTestCase

INSTALL = """
import asyncio, sys

if "uvloop" in sys.argv:
    import uvloop
    loop = uvloop.new_event_loop()
else:
    loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
from twisted.internet import asyncioreactor
asyncioreactor.install(loop)
from twisted.internet import reactor, threads
from twisted.internet.task import deferLater
import txws2
"""

EPOLL = """
import asyncio, sys
from twisted.internet import reactor
import txws2
"""

TIMEOUTS = """
async def handler(ws):
    async def pump():
        async for message in ws:
            await asyncio.sleep(0.0001)
            await ws.send(await asyncio.to_thread(message.upper))

    await threads.deferToThread(int)
    await asyncio.create_task(pump())

async def send(ws):
    for number in range(300):
        await ws.send(f"m{number}")
        await asyncio.sleep(0.0003)

async def main(reactor):
    async with txws2.serve(handler, "127.0.0.1", 0) as server:
        host = server.addresses[0]
        async with txws2.connect(f"ws://127.0.0.1:{host.port}/") as ws:
            sending = asyncio.create_task(send(ws))
            got, timeouts = [], 0
            while len(got) < 300:
                try:
                    if timeouts % 3 == 1:
                        # Its task is cancelled before it begins.
                        got.append(await asyncio.wait_for(ws.recv(), 0))
                    elif timeouts % 3:
                        got.append(await asyncio.wait_for(ws.recv(), 0.0005))
                    else:
                        async with asyncio.timeout(0.0005):
                            got.append(await ws.recv())
                except TimeoutError:
                    timeouts += 1
                    await asyncio.sleep(0)
            await sending
            print(got == [f"M{number}" for number in range(300)], timeouts > 0)
            print(await asyncio.gather(ws.ping(), ws.send("a")) is not None)

txws2.run(main)
"""

STOP = """
async def handler(ws):
    try:
        if ws.request.path == "/asyncio":
            await asyncio.sleep(1000)
        await deferLater(reactor, 1000, lambda: None)
    finally:
        await asyncio.sleep(0)
        print("cleaned", ws.request.path, flush=True)

async def main(reactor):
    server = await txws2.serve(handler, "127.0.0.1", 0, close_timeout=0.1)
    host = server.addresses[0]
    for path in ("asyncio", "twisted"):
        await txws2.connect(f"ws://127.0.0.1:{host.port}/{path}")
    await asyncio.sleep(0.05)

txws2.run(main)
"""

CANCELLED = """
cleaned = asyncio.Event()

@txws2.cancelled_on_close
async def handler(ws):
    try:
        await ws.send("hello")
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        print("cancelled", ws.close_code)
        raise
    finally:
        await asyncio.sleep(0)
        cleaned.set()

async def main(reactor):
    async with txws2.serve(handler, "127.0.0.1", 0) as server:
        host = server.addresses[0]
        async with txws2.connect(f"ws://127.0.0.1:{host.port}/") as ws:
            print(await ws.recv())
        await cleaned.wait()

txws2.run(main)
"""

FOREIGN = """
async def handler(ws):
    async def receive():
        await ws.recv()
    asyncio.run(asyncio.wait_for(receive(), 5))

async def main(reactor):
    async with txws2.serve(handler, "127.0.0.1", 0) as server:
        host = server.addresses[0]
        ws = await txws2.connect(f"ws://127.0.0.1:{host.port}/")
        await ws.wait_closed()
        print(ws.close_code)

txws2.run(main)
"""


class ReactorTests(ExampleTestCase):
    """The cases for asyncio's reactor."""

    loop = ()

    async def run_program(self, text):
        path = self.make_directory() / "program.py"
        path.write_text(text)
        process = self.start(sys.executable, "-X", "dev", "-W", "ignore", str(path), *self.loop)
        await process.ended
        self.assertEqual(process.status, 0, process.err)
        for complaint in ("destroyed", "never retrieved", "Unhandled", "Exception in callback"):
            self.assertNotIn(complaint, process.err)
        return process

    async def test_tasks_that_time_out_again_and_again_lose_no_message(self):
        process = await self.run_program(INSTALL + TIMEOUTS)
        self.assertEqual(process.out, "True True\nTrue\n", process.err)
        self.assertNotIn("Traceback", process.err)

    async def test_when_the_reactor_stops_tasks_are_cancelled_and_clean_up(self):
        process = await self.run_program(INSTALL + STOP)
        self.assertEqual(sorted(process.out.splitlines()), ["cleaned /asyncio", "cleaned /twisted"])
        self.assertNotIn("Traceback", process.err)

    async def test_a_handler_that_asks_for_it_is_cancelled_when_its_client_leaves(self):
        process = await self.run_program(INSTALL + CANCELLED)
        self.assertEqual(process.out, "hello\ncancelled 1000\n", process.err)
        self.assertNotIn("Traceback", process.err)

    async def test_the_error_for_a_handler_that_runs_a_loop_says_to_await(self):
        process = await self.run_program(INSTALL + FOREIGN)
        self.assertEqual(process.out, "1011\n")
        self.assertIn("await the coroutine directly", process.err)


class UvloopTests(ReactorTests):
    """The same cases on uvloop's loop."""

    loop = ("uvloop",)

    def setUp(self):
        if importlib.util.find_spec("uvloop") is None:
            raise SkipTest("uvloop isn't installed")
        return super().setUp()


class OtherReactorTests(ReactorTests):
    """Another reactor, for which only the last case makes sense."""

    test_tasks_that_time_out_again_and_again_lose_no_message = None
    test_when_the_reactor_stops_tasks_are_cancelled_and_clean_up = None
    test_a_handler_that_asks_for_it_is_cancelled_when_its_client_leaves = None

    async def test_the_error_for_a_handler_that_runs_a_loop_says_to_await(self):
        process = await self.run_program(EPOLL + FOREIGN)
        self.assertEqual(process.out, "1011\n")
        self.assertIn("nothing of txws2 can be awaited on this loop", process.err)
        self.assertIn("docs/howto/asyncio.rst", process.err)
