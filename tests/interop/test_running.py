"""The output of `txws2.run`: the README's first example, run and broken in a process."""

import os
import sys
from pathlib import Path
from shutil import which
from socket import socket

from twisted.trial.unittest import SkipTest

from tests.command.test_commands import ROOT, free_port
from tests.support.examples import ExampleTestCase, blocks
from txws2 import ConnectionClosed, connect, serve

EXAMPLE = blocks(Path(ROOT, "README.rst").read_text(), "python")[0]
SEND = "await ws.send(message)"


class RunningTests(ExampleTestCase):
    """The README's first example."""

    def write(self, text):
        path = self.make_directory() / "example.py"
        path.write_text(text)
        return path

    async def started(self, *changes, **environment):
        """Run the example with these changes; return the process and the server's URI."""
        self.port = free_port()
        text = EXAMPLE.replace("8000", str(self.port))
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        self.path = self.write(text)
        process = self.start(sys.executable, str(self.path), **environment)
        await process.shown("listening on")
        return process, f"ws://localhost:{self.port}/"

    async def test_it_says_where_it_listens_and_ends_on_either_signal_with_1001_and_status_0(self):
        for name in ("INT", "TERM"):
            process, uri = await self.started()
            self.assertRegex(process.err, rf"^\d\d:\d\d:\d\d listening on ws://.+:{self.port}/\n")
            self.assertNotIn("starting", process.err)
            ws = await connect(uri)
            await ws.send("hello")
            self.assertEqual(await ws.recv(), "hello")
            process.transport.signalProcess(name)
            await ws.wait_closed()
            await process.ended
            self.assertEqual((ws.close_code, process.status), (1001, 0), process.err)
            self.assertNotIn("Closed)", process.err)
            self.assertNotIn("Traceback", process.err)

    async def test_a_handler_that_raises_is_seen_with_its_line_once(self):
        process, uri = await self.started((SEND, "raise KeyError(message)"))
        ws = await connect(uri)
        await ws.send("hello")
        await ws.wait_closed()
        await process.shown("KeyError: 'hello'")
        self.assertEqual(ws.close_code, 1011)
        self.assertEqual(process.err.count("connection handler failed"), 1)
        self.assertIn("raise KeyError(message)", process.err)

    async def test_a_message_that_is_too_large_names_the_option_once_a_minute_on_both_sides(self):
        process, uri = await self.started()
        for _ in range(3):
            ws = await connect(uri, compression=None)
            ws.sendMessage("x" * 2_000_000)
            exception = await self.assertFailure(ws.recv(), ConnectionClosed)
            self.assertRegex(str(exception), r"^received 1009 .* of 1048576 bytes \(max_size\)")
        process.transport.signalProcess("TERM")
        await process.ended
        advice = "; for larger messages, max_size=2097152"
        self.assertEqual(process.err.count(advice), 1, process.err)
        self.assertNotIn("Traceback", process.err)
        self.assertNotIn("handler failed", process.err)

    async def test_debug_is_seen(self):
        process, uri = await self.started(TXWS2_DEBUG="1")
        async with connect(uri) as ws:
            await ws.send("hello")
        await process.shown("< TEXT 'hello'")

    async def test_a_second_signal_ends_it_at_once(self):
        endless = "await __import__('twisted.internet.defer').internet.defer.Deferred()"
        process, uri = await self.started((SEND, endless))
        ws = await connect(uri)
        await ws.send("hello")
        process.transport.signalProcess("TERM")
        # The first signal lets it wait for its handlers.
        await ws.wait_closed()
        await process.shown("waiting for 1 handler .close_timeout says how long.; a second signal")
        process.transport.signalProcess("TERM")
        await process.ended
        self.assertEqual((ws.close_code, process.signal), (1001, 15), process.err)

    async def test_a_second_signal_ends_a_handler_that_blocks_the_reactor(self):
        block = (
            "import signal, sys, time\n"
            "        print('blocks', file=sys.stderr, flush=True)\n"
            "        while signal.getsignal(signal.SIGINT) != signal.SIG_DFL: time.sleep(0.01)\n"
            "        print('has been told', file=sys.stderr, flush=True)\n"
            "        while True: time.sleep(0.01)"
        )
        for reactor in ("None", '"asyncio"'):
            named = ('"localhost",', f'reactor={reactor}, host="localhost", port=')
            process, uri = await self.started((SEND, block), named)
            ws = await connect(uri)
            await ws.send("hello")
            await process.shown("blocks")
            process.transport.signalProcess("INT")
            await process.shown("has been told")
            process.transport.signalProcess("INT")
            await process.ended
            self.assertEqual(process.signal, 2, process.err)
            await ws.wait_closed()

    async def ended(self, text, *before):
        process = self.start(*before, sys.executable, str(self.write(text)))
        await process.ended
        self.assertNotIn("Traceback", process.err)
        self.assertEqual(process.status, 1, process.err)
        return process.err

    async def test_a_port_that_is_taken_is_a_sentence_and_status_1(self):
        with socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            said = await self.ended(EXAMPLE.replace("8000", port))
        self.assertRegex(said, f"cannot listen on localhost:{port}: another program listens")

    async def test_a_taken_port_of_a_function_that_serves_is_a_sentence_and_status_1(self):
        with socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            said = await self.ended(
                "import txws2\nasync def main(reactor):\n"
                f"    await txws2.serve(print, '127.0.0.1', {port})\ntxws2.run(main)\n"
            )
        self.assertRegex(
            said, rf"^\S+ cannot listen on 127.0.0.1:{port}: another program listens .*\n$"
        )

    async def test_a_program_that_cannot_connect_shows_its_own_line_and_the_reason(self):
        with socket() as bound:
            bound.bind(("127.0.0.1", 0))
            line = f"async with txws2.connect('ws://127.0.0.1:{bound.getsockname()[1]}/'):"
            head, end = "import txws2\nasync def main(reactor):\n", "pass\ntxws2.run(main)\n"
            path = self.write(f"{head}    {line}\n        {end}")
            process = self.start(sys.executable, str(path))
            await process.ended
        self.assertEqual(process.status, 1)
        self.assertIn("the program has failed", process.err)
        self.assertIn(f'  File "{path}", line 3, in main\n    {line}\n', process.err)
        # Older versions of Twisted show the line twice.
        shown = {each for each in process.err.splitlines() if each.startswith("  File ")}
        self.assertEqual(len(shown), 1, process.err)
        self.assertIn("ConnectionRefusedError: ", process.err.splitlines()[-2])

    async def test_an_error_that_was_seen_before_it_logs_is_not_repeated(self):
        text = (
            "import txws2\nfactory = txws2.WebSocketServerFactory(print)\n"
            "factory.log.error('seen')\nfactory.log.info('not yet')\n"
            "async def main(reactor):\n    factory.log.error('later')\ntxws2.run(main)\n"
        )
        process = self.start(sys.executable, str(self.write(text)))
        await process.ended
        self.assertRegex(process.err, r"^seen\n\S+ not yet\n\S+ later\n$")

    async def test_a_host_that_is_none_is_a_sentence_and_status_1(self):
        said = await self.ended(EXAMPLE.replace("localhost", "nosuch.invalid"))
        self.assertIn("cannot listen on nosuch.invalid:8000: the name has no address", said)

    async def test_a_privileged_port_is_a_sentence_and_status_1(self):
        before = ()
        if os.geteuid() == 0:
            # Without this capability, even root may not listen there.
            before = (which("setpriv"), "--bounding-set=-net_bind_service")
            if before[0] is None:
                raise SkipTest("root may listen there, and setpriv isn't installed")
        said = await self.ended(EXAMPLE.replace("8000", "80"), *before)
        self.assertIn("ports below 1024 are for root", said)

    async def test_without_run_an_error_of_a_handler_is_seen_too(self):
        port = free_port()
        text = EXAMPLE.replace("8000", str(port)).replace("txws2.run(", "txws2.serve(")
        text = text.replace(SEND, "raise KeyError(message)")
        more = "\nfrom twisted.internet import reactor\nreactor.run()\n"
        process = self.start(sys.executable, str(self.write(text + more)))
        await self.until_somebody_listens(port)
        async with connect(f"ws://localhost:{port}/") as ws:
            await ws.send("hello")
            await ws.wait_closed()
        await process.shown("connection handler failed\n(.*\n)*.*KeyError: 'hello'")

    async def test_a_program_that_begins_logging_sees_each_error_once(self):
        port = free_port()
        text = EXAMPLE.replace("8000", str(port)).replace("txws2.run(", "txws2.serve(")
        text = text.replace(SEND, "raise KeyError(message)")
        more = (
            "\nimport sys\nfrom twisted.internet import reactor\nfrom twisted.python import log\n"
            "log.startLogging(sys.stderr)\nreactor.run()\n"
        )
        process = self.start(sys.executable, str(self.write(text + more)))
        await self.until_somebody_listens(port)
        async with connect(f"ws://localhost:{port}/") as ws:
            await ws.send("hello")
            await ws.wait_closed()
        await process.shown("KeyError: 'hello'")
        self.assertEqual(process.err.count("connection handler failed"), 1)

    async def test_a_function_is_run_to_its_end(self):
        main = "import txws2\nasync def main(reactor):\n    {}\ntxws2.run(main)\nprint('after')\n"
        process = self.start(sys.executable, str(self.write(main.format("print('done')"))))
        await process.ended
        self.assertEqual((process.out, process.err, process.status), ("done\nafter\n", "", 0))
        process = self.start(sys.executable, str(self.write(main.format("raise KeyError('x')"))))
        await process.ended
        self.assertEqual((process.out, process.status), ("", 1))
        self.assertIn("KeyError: 'x'", process.err)

    async def test_a_signal_closes_the_connections_of_a_function_with_a_close_frame(self):
        codes = []

        async def handler(ws):
            await ws.wait_closed()
            codes.append(ws.close_code)

        main = (
            "import txws2\nasync def main(reactor):\n    async {} txws2.connect('{}'){}:\n"
            "        print('open', flush=True)\n        await ws.recv()\ntxws2.run(main{})\n"
        )
        async with serve(handler, "localhost", free_port()) as server:
            port = server.addresses[0].port
            for head, tail, reactor, name in (
                ("with", " as ws", "", "INT"),
                ("for ws in", "", "", "TERM"),
                ("for ws in", "", ', reactor="asyncio"', "INT"),
            ):
                text = main.format(head, f"ws://localhost:{port}/", tail, reactor)
                process = self.start(sys.executable, str(self.write(text)))
                await process.shown("open")
                process.transport.signalProcess(name)
                await process.ended
                self.assertEqual((process.err, process.status), ("", 0))
        self.assertEqual(codes, [1000, 1000, 1000])

    async def test_a_function_that_exits_gives_its_own_status_without_a_traceback(self):
        main = "import sys, txws2\nasync def main(reactor):\n    sys.exit({})\ntxws2.run(main{})\n"
        for reactor in ("", ', reactor="asyncio"'):
            for given, status, said in (("3", 3, ""), ("", 0, ""), ("'no disk'", 1, "no disk\n")):
                text = main.format(given, reactor)
                process = self.start(sys.executable, str(self.write(text)))
                await process.ended
                self.assertEqual((process.err, process.status), (said, status))

    async def test_a_changed_file_starts_it_again_and_a_mistake_in_it_waits_for_the_next(self):
        port = free_port()
        text = EXAMPLE.replace("8000)", f"{port}, reload=True)")
        self.path, uri = self.write(text), f"ws://localhost:{port}/"
        process = self.start(sys.executable, str(self.path))
        self.addCleanup(self.end, process)
        await process.shown("listening on")
        self.change(text + "\n(")
        await process.shown("SyntaxError(.*\n)*waiting for a file to change")
        self.change(text.replace(SEND, "await ws.send('new')"))
        await process.shown("waiting for a file(.*\n)*.*listening on")
        async with connect(uri) as ws:
            await ws.send("hello")
            self.assertEqual(await ws.recv(), "new")
        # Only the outer process gets it, unlike the SIGINT of a terminal.
        process.transport.signalProcess("INT")
        await process.ended
        self.assertEqual(process.status, 0, process.err)

    def change(self, text):
        self.path.write_text(text)
        self.times = getattr(self, "times", 10**9) + 10
        os.utime(self.path, (self.times, self.times))

    async def end(self, process):
        if process.status is None and process.signal is None:
            process.transport.signalProcess("TERM")
            await process.ended
