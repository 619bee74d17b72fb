"""Threads and connections over real sockets, as docs/howto/threads.rst shows them."""

import gc
import threading
from pathlib import Path
from types import SimpleNamespace

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import blockingCallFromThread, deferToThread
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import TestCase

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import ExampleTestCase, blocks, free_port

ANSWERING, TELLING, ASKING, PROGRAM, SERVER = blocks(
    Path(ROOT, "docs", "howto", "threads.rst").read_text(), "python"
)
MEASURING = Path(ROOT, "docs", "examples", "threads", "measure.py").read_text()


class ThreadsTestCase(TestCase):
    """Has a server, and fails if anything at WARNING or above is logged."""

    timeout = 60

    def setUp(self):
        self.printed = []
        self.patch(txws2, "run", lambda *arguments: None)
        self.loud = []
        globalLogPublisher.addObserver(self.observe)
        self.addCleanup(self.assertQuiet)

    def observe(self, event):
        if event["log_level"] >= LogLevel.warn:
            self.loud.append(event)

    def assertQuiet(self):
        gc.collect()
        globalLogPublisher.removeObserver(self.observe)
        self.assertEqual(self.loud, [])

    def show(self, block, **names):
        """Run a block of the page; return its names, with other values for these."""
        found = {"print": self.printed.append}
        exec(block, found)
        self.assertLessEqual(set(names), set(found))
        found.update(names)
        return found

    async def serve(self, handler, **options):
        """Return a client's connection to a server with this handler."""
        server = self.server = await txws2.serve(handler, "127.0.0.1", 0, **options)
        self.addCleanup(server.close)
        ws = await txws2.connect(f"ws://127.0.0.1:{server.addresses[0].port}/", proxy=None)
        self.addCleanup(ws.close)
        return ws


class ExampleTests(ThreadsTestCase):
    async def test_blocking_work_is_done_in_a_thread_of_the_pool(self):
        def compute(message):
            threads.append(threading.current_thread())
            return message.upper()

        threads = []
        ws = await self.serve(self.show(ANSWERING, compute=compute)["handler"])
        for message in "hello", "again":
            await ws.send(message)
        self.assertEqual([await ws.recv(), await ws.recv()], ["HELLO", "AGAIN"])
        self.assertNotIn(threading.current_thread(), threads)

    async def test_pings_are_answered_meanwhile_and_messages_wait(self):
        def compute(message):
            go_on.wait()
            return message

        go_on = threading.Event()
        self.addCleanup(go_on.set)
        ws = await self.serve(self.show(ANSWERING, compute=compute)["handler"])
        for message in "1", "2":
            await ws.send(message)
        await ws.ping()
        go_on.set()
        self.assertEqual([await ws.recv(), await ws.recv()], ["1", "2"])

    async def test_messages_from_a_thread_come_in_the_order_of_the_calls(self):
        async def handler(ws):
            tell = self.show(TELLING)["tell"]
            await deferToThread(lambda: [tell(ws, str(number)) for number in range(100)])
            await ws.wait_closed()

        ws = await self.serve(handler)
        for number in range(100):
            self.assertEqual(await ws.recv(), str(number))

    async def test_a_thread_asks_and_gets_the_answer_or_a_timeout_error(self):
        async def handler(ws):
            await ws.send((await ws.recv()).upper())
            await ws.wait_closed()

        ws = await self.serve(handler)
        ask = self.show(ASKING)["ask"]
        self.assertEqual(await deferToThread(ask, ws, "hello"), "HELLO")
        asking = deferToThread(blockingCallFromThread, reactor, ws.recv, timeout=0.01)
        await self.assertFailure(asking, TimeoutError)

    async def test_a_handler_receives_while_a_thread_sends(self):
        def sleep(seconds):
            slept.append(seconds)
            if len(slept) == 3:
                gone.wait()

        gone, slept = threading.Event(), []
        self.addCleanup(gone.set)
        loads = SimpleNamespace(getloadavg=lambda: [len(slept)])
        time = SimpleNamespace(sleep=sleep)
        handler = self.show(MEASURING, os=loads, time=time)["handler"]
        over = Deferred()

        async def followed(ws):
            await handler(ws)
            over.callback(None)

        ws = await self.serve(followed)
        self.assertEqual([await ws.recv() for _ in range(3)], ["0", "1", "2"])
        await ws.send("hello")
        await ws.close()
        gone.set()
        await over
        self.assertEqual(slept[0], 1)
        self.assertEqual(self.printed, ["hello", "nobody listens any more"])


class EndTests(ThreadsTestCase):
    """A connection ends while a thread uses it."""

    async def end(self, call, leave, **options):
        """Let a thread call this again and again until the peer has left; return the exception."""

        def thread(ws):
            try:
                while True:
                    blockingCallFromThread(reactor, call, ws)
                    calls.release()
            except BaseException as exc:
                return exc

        calls, over = threading.Semaphore(0), Deferred()

        async def handler(ws):
            over.callback(await deferToThread(thread, ws))

        ws = await self.serve(handler, **options)
        await leave(ws, calls)
        return await over

    async def closes(self, ws, calls):
        await deferToThread(calls.acquire)
        await ws.close(1000)

    async def is_lost(self, ws, calls):
        await deferToThread(calls.acquire)
        ws.transport.abortConnection()

    async def test_a_sender_gets_connection_closed(self):
        for leave, kind in (
            (self.closes, txws2.ConnectionClosedOK),
            (self.is_lost, txws2.ConnectionClosedError),
        ):
            exc = await self.end(lambda ws: ws.send("hello"), leave)
            self.assertIsInstance(exc, kind)

    async def test_a_sender_that_waits_for_room_gets_connection_closed(self):
        async def leave(ws, calls):
            # Nobody receives, so more and more bytes wait, until the thread must wait,
            # too.
            [server_ws] = self.server.connections
            while server_ws.counters.waiting_out <= server_ws.factory.write_limit:
                await deferLater(reactor, 0.01)
            ws.transport.abortConnection()

        exc = await self.end(lambda ws: ws.send(bytes(2**20)), leave, compression=None)
        self.assertIsInstance(exc, txws2.ConnectionClosedError)

    async def test_a_reader_gets_connection_closed(self):
        async def leave(ws, calls):
            await ws.send("hello")
            await self.closes(ws, calls)

        exc = await self.end(lambda ws: ws.recv(), leave)
        self.assertIsInstance(exc, txws2.ConnectionClosedOK)

    async def test_a_reader_with_a_timeout_gets_connection_closed(self):
        async def leave(ws, calls):
            await ws.send("hello")
            await self.is_lost(ws, calls)

        exc = await self.end(lambda ws: ws.recv(timeout=1000), leave)
        self.assertIsInstance(exc, txws2.ConnectionClosedError)

    async def test_a_thread_that_pings_gets_connection_closed(self):
        exc = await self.end(lambda ws: ws.ping(), self.is_lost)
        self.assertIsInstance(exc, txws2.ConnectionClosedError)


class MistakeTests(ThreadsTestCase):
    async def assertRefused(self, text, function, *args, **kwargs):
        exc = await self.assertFailure(
            deferToThread(function, *args, **kwargs), txws2.ConcurrencyError
        )
        self.assertIn(text, str(exc))

    async def test_each_direct_call_is_refused_at_once(self):
        ws = await self.serve(lambda ws: ws.wait_closed())
        for call in ws.send, ws.sendMessage:
            await self.assertRefused("blockingCallFromThread", call, "hello")
        for call in ws.recv, ws.ping, ws.close, ws.wait_closed:
            await self.assertRefused("blockingCallFromThread", call)

    async def test_nothing_is_begun_there_either(self):
        text = "blockingCallFromThread(reactor, txws2.connect, uri)"
        await self.assertRefused(text, txws2.connect, "ws://127.0.0.1:1/")
        text = "blockingCallFromThread(reactor, txws2.serve, handler, host, port)"
        await self.assertRefused(text, txws2.serve, lambda ws: None, "127.0.0.1", 0)
        server = await txws2.serve(lambda ws: None, "127.0.0.1", 0)
        await self.assertRefused("blockingCallFromThread(reactor, server.close)", server.close)
        await deferToThread(blockingCallFromThread, reactor, server.close)

    async def test_a_thread_connects_by_way_of_the_reactors(self):
        server = await txws2.serve(lambda ws: ws.send("hello"), "127.0.0.1", 0)
        self.addCleanup(server.close)
        uri = f"ws://127.0.0.1:{server.addresses[0].port}/"

        def talk():
            ws = blockingCallFromThread(reactor, txws2.connect, uri, proxy=None)
            return blockingCallFromThread(reactor, ws.recv)

        self.assertEqual(await deferToThread(talk), "hello")


class ProgramTests(ExampleTestCase):
    async def test_a_program_that_blocks_has_the_reactor_in_a_thread(self):
        port = free_port()

        async def handler(ws):
            async for message in ws:
                await ws.send(message)

        server = await txws2.serve(handler, "127.0.0.1", port)
        self.addCleanup(server.close)
        program = self.run_block(PROGRAM.replace("localhost", "127.0.0.1"), port)
        await program.ended
        self.assertEqual((program.status, program.out, program.err), (0, "hello\n", ""))

    async def test_run_runs_in_a_thread_too_without_signals(self):
        port = free_port()
        imported = "from twisted.internet import reactor\n"
        end = "input()\nreactor.callFromThread(reactor.stop)\nrunning.join()\nprint('ended')\n"
        program = self.run_block(SERVER + imported + end, port)
        await self.until_somebody_listens(port)
        ws = await txws2.connect(f"ws://localhost:{port}/")
        await ws.send("hello")
        self.assertEqual(await ws.recv(), "hello")
        program.transport.write(b"\n")
        await ws.wait_closed()
        self.assertEqual(ws.close_code, 1001)
        await program.ended
        self.assertEqual((program.status, program.out), (0, "ended\n"))
        self.assertNotIn("Traceback", program.err)
