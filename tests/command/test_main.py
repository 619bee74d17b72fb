"""`python -m txws2` in this process: on real sockets, with pipes for stdin and stdout."""

import os
import re
import runpy
import signal
import sys
from io import StringIO
from socket import socket

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import directlyProvides, providedBy

import txws2.__main__
import txws2._command.conversation
from txws2._accelerator import about
from txws2.server.factory import WebSocketServerProtocol
from txws2.server.server import serve
from txws2.wire.http.heads import Response

BYE = "received 4001 (private use) bye; then sent 4001 (private use) bye"


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class StoppedReactor(Clock):
    """The reactor, but time passes only when the test lets it."""

    def __init__(self):
        super().__init__()
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name):
        return getattr(reactor, name)


class Stream(StringIO):
    """A standard stream, maybe of a terminal."""

    def __init__(self, terminal, number=None):
        super().__init__()
        self.terminal, self.number = terminal, number

    def isatty(self):
        return self.terminal

    def fileno(self):
        return self.number


class MainTestCase(TestCase):
    terminal = False
    timeout = 60

    def setUp(self):
        self.stdin, self.keyboard = self.pipe()
        self.screen, self.stdout = self.pipe()
        self.reactor = StoppedReactor()
        self.patch(sys, "stdin", Stream(self.terminal))
        self.patch(sys, "stdout", Stream(self.terminal, self.stdout))
        self.patch(sys, "stderr", Stream(self.terminal))
        self.patch(txws2._command.conversation, "StandardIO", self.on_pipes)

    def pipe(self):
        ends = os.pipe()
        for end in ends:
            self.addCleanup(self.close, end)
        self.open = getattr(self, "open", set()) | set(ends)
        return ends

    def close(self, end):
        if end in self.open:
            self.open.remove(end)
            os.close(end)

    def on_pipes(self, protocol):
        return StandardIO(protocol, stdin=self.stdin, stdout=self.stdout)

    def type(self, data):
        os.write(self.keyboard, data)

    def end_of_input(self):
        self.close(self.keyboard)

    def output(self):
        """Return the output on stdout, once the run is over."""
        self.close(self.stdout)
        with os.fdopen(os.dup(self.screen), "rb") as screen:
            return screen.read()

    def errors(self):
        return sys.stderr.getvalue()

    async def serve(self, handler=None, **options):
        server = await serve(handler, "127.0.0.1", 0, **options)
        self.addCleanup(server.close)
        self.uri = f"ws://127.0.0.1:{server.addresses[0].port}/"

    async def run_main(self, *arguments):
        """Run the program until it ends; return its exit status."""
        runs = []
        self.patch(txws2.__main__, "react", runs.append)
        txws2.__main__.main([self.uri, *arguments])
        [run] = runs
        try:
            await Deferred.fromCoroutine(run(self.reactor))
        except SystemExit as exc:
            return exc.code
        return 0


class PipeTests(MainTestCase):
    async def test_a_line_is_sent_and_its_reply_is_printed(self):
        await self.serve(echo)
        self.type(b"hi\n")
        self.end_of_input()
        self.assertEqual(await self.run_main(), 0)
        self.assertEqual(self.output(), b"hi\n")
        self.assertEqual(self.errors(), "closed: sent 1000 (OK); then received 1000 (OK)\n")

    async def test_without_input_it_connects_and_closes(self):
        await self.serve(echo)
        self.end_of_input()
        self.assertEqual(await self.run_main(), 0)
        self.assertEqual(self.output(), b"")

    async def test_bytes_that_are_not_utf_8_travel_as_binary(self):
        received = []

        async def handler(ws):
            received.append(await ws.recv())
            await ws.send(received[0])

        await self.serve(handler)
        self.type(b"\xff\xfe\n")
        self.assertEqual(await self.run_main(), 0)
        self.assertEqual(received, [b"\xff\xfe"])
        self.assertEqual(self.output(), b"\xff\xfe\n")

    async def test_a_message_that_comes_with_the_opening_is_printed(self):
        class Greeting(WebSocketServerProtocol):
            def connectionOpened(self):
                self.sendMessage("welcome")
                self.close()

        await self.serve(create_protocol=Greeting)
        self.assertEqual(await self.run_main(), 0)
        self.assertEqual(self.output(), b"welcome\n")

    async def test_replies_that_take_their_time_are_waited_for(self):
        class Late(WebSocketServerProtocol):
            def messageReceived(self, message):
                pass

            def pingReceived(self, payload):
                self.sendMessage("late")
                self.sendMessage("later")

        await self.serve(create_protocol=Late)
        self.type(b"1\n2\n")
        self.end_of_input()
        self.assertEqual(await self.run_main(), 0)
        self.assertEqual(self.output(), b"late\nlater\n")

    async def test_it_does_not_wait_for_ever_for_replies(self):
        received = []

        class Silent(WebSocketServerProtocol):
            def messageReceived(self, message):
                received.append(message)

        await self.serve(create_protocol=Silent)
        self.type(b"1\n2\n3")
        self.end_of_input()
        self.reactor = reactor
        self.assertEqual(await self.run_main(), 0)
        self.assertEqual(received, ["1", "2", "3"])
        self.assertEqual(self.errors(), "closed: sent 1000 (OK); then received 1000 (OK)\n")

    async def test_a_server_that_closes_meanwhile_ends_it(self):
        async def handler(ws):
            await ws.recv()
            await ws.close(4001, "bye")

        await self.serve(handler)
        self.type(b"hi\n")
        self.end_of_input()
        self.assertEqual(await self.run_main(), 1)
        self.assertEqual(self.errors(), f"closed: {BYE}\n")

    async def test_when_nobody_reads_the_output_it_closes(self):
        codes = []

        async def handler(ws):
            await ws.wait_closed()
            codes.append(ws.close_code)

        self.close(self.screen)
        await self.serve(handler)
        self.assertEqual(await self.run_main(), 0)
        self.assertEqual(codes, [1000])


class EndTests(MainTestCase):
    async def close_with(self, code, reason):
        async def handler(ws):
            await ws.close(code, reason)

        await self.serve(handler)
        return await self.run_main()

    async def test_going_away_is_no_failure(self):
        self.assertEqual(await self.close_with(1001, ""), 0)
        end = "received 1001 (going away); then sent 1001 (going away)"
        self.assertEqual(self.errors(), f"closed: {end}\n")

    async def test_any_other_code_is(self):
        self.assertEqual(await self.close_with(4001, "bye"), 1)
        self.assertEqual(self.errors(), f"closed: {BYE}\n")

    async def test_the_reason_can_not_steer_the_terminal(self):
        await self.close_with(4001, "\x1b[2J\nbye\x9b")
        end = "4001 (private use) \\x1b[2J\\nbye\\x9b"
        self.assertEqual(self.errors(), f"closed: received {end}; then sent {end}\n")

    async def test_a_connection_that_breaks(self):
        async def handler(ws):
            await ws.recv()
            ws.transport.abortConnection()

        await self.serve(handler)
        self.type(b"hi\n")
        self.assertEqual(await self.run_main(), 1)
        self.assertEqual(self.errors(), "closed: no close frame received or sent\n")

    async def test_a_close_without_a_code_is_no_failure(self):
        class Wordless(WebSocketServerProtocol):
            def connectionOpened(self):
                self.transport.write(b"\x88\x00")

        await self.serve(create_protocol=Wordless)
        self.assertEqual(await self.run_main(), 0)
        none = "1005 (no status received [internal])"
        self.assertEqual(self.errors(), f"closed: received {none}; then sent {none}\n")

    async def test_it_is_said_who_has_closed_and_why(self):
        await self.serve(lambda ws: ws.send("too long"))
        self.assertEqual(await self.run_main("--max-size", "4"), 1)
        self.assertRegex(
            self.errors(), r"^closed: sent 1009 \(message too big\) .*limit of 4 bytes"
        )

    async def test_output_that_has_no_room_is_a_failure(self):
        self.stdout = os.open("/dev/full", os.O_WRONLY)
        self.addCleanup(os.close, self.stdout)
        self.patch(sys, "stdout", Stream(False, self.stdout))
        await self.serve(echo)
        self.type(b"hi\n")
        self.assertEqual(await self.run_main(), 1)
        self.assertIn("can't print all messages: No space left on device\n", self.errors())


class WaitTests(MainTestCase):
    async def test_it_goes_on_until_the_server_closes(self):
        async def late(ws):
            await ws.recv()
            for number in range(3):
                await ws.send(str(number))

        await self.serve(late)
        self.type(b"go")
        self.end_of_input()
        self.assertEqual(await self.run_main("--wait", "inf"), 0)
        self.assertEqual(self.output(), b"0\n1\n2\n")
        self.assertIn("closed: received 1000", self.errors())

    async def test_it_goes_on_until_the_time_is_over(self):
        await self.serve(echo)
        self.end_of_input()
        self.reactor = reactor
        self.assertEqual(await self.run_main("--wait", "0.01"), 0)
        self.assertIn("closed: sent 1000", self.errors())


class TerminalTests(MainTestCase):
    terminal = True

    async def test_it_tells_where_it_is_connected(self):
        await self.serve(echo, subprotocols=["chat"])
        self.end_of_input()
        self.assertEqual(await self.run_main("--subprotocol", "chat"), 0)
        note = f"connected to {self.uri}, speaking chat; Ctrl-D to close"
        self.assertIn(note.encode(), re.sub(rb"\x1b(\[[A-Z]|[78])|[\r\n]", b"", self.output()))

    async def test_at_the_end_of_the_input_it_waits_for_no_reply(self):
        await self.serve(lambda ws: ws.wait_closed())
        self.type(b"hi\n")
        self.end_of_input()
        self.assertEqual(await self.run_main(), 0)
        self.assertEqual(self.errors(), "closed: sent 1000 (OK); then received 1000 (OK)\n")

    async def test_pongs_are_shown_on_the_screen(self):
        class Pinged(WebSocketServerProtocol):
            def pingReceived(self, payload):
                self.close()

        await self.serve(create_protocol=Pinged)
        self.assertEqual(await self.run_main("--ping"), 0)
        self.assertRegex(self.output(), rb"pong after \d+\.\d\d ms")
        self.assertEqual(self.errors(), "closed: received 1000 (OK); then sent 1000 (OK)\n")


class PingTests(MainTestCase):
    async def ping(self, payload, *arguments):
        async def handler(ws):
            await ws.ping(payload)

        await self.serve(handler)
        self.assertEqual(await self.run_main(*arguments), 0)
        return self.errors()

    async def test_the_pings_of_the_server_are_shown_if_asked_for(self):
        said = await self.ping(b"\x00\xff", "--ping")
        self.assertIn("ping from the server: 00 ff\n", said)

    async def test_empty_pings_are_shown_too(self):
        self.assertIn("ping from the server: empty\n", await self.ping(b"", "--ping"))

    async def test_otherwise_they_are_not(self):
        self.assertEqual(
            await self.ping(b"\x00"), "closed: received 1000 (OK); then sent 1000 (OK)\n"
        )

    async def test_pongs_go_to_stderr_and_not_among_the_messages(self):
        said = await self.ping(b"\x00", "--ping")
        self.assertRegex(said, r"(?m)^pong after \d+\.\d\d ms$")
        self.assertEqual(self.output(), b"")

    async def test_a_ping_that_is_never_answered_is_not_mentioned(self):
        class Closing(WebSocketServerProtocol):
            def connectionOpened(self):
                self.close()

        await self.serve(create_protocol=Closing)
        self.assertEqual(await self.run_main("--ping"), 0)
        self.assertEqual(self.errors(), "closed: received 1000 (OK); then sent 1000 (OK)\n")


class RequestTests(MainTestCase):
    async def request(self, *arguments, **options):
        """Run the program with these arguments; return the request that the server got."""
        requests = []
        await self.serve(lambda ws: requests.append(ws.request), **options)
        self.assertEqual(await self.run_main(*arguments), 0)
        [request] = requests
        return request

    async def test_headers(self):
        request = await self.request("--header", "X-One: 1", "-H", "X-Two:a:b")
        self.assertEqual((request.headers["X-One"], request.headers["X-Two"]), ("1", "a:b"))

    async def test_the_origin(self):
        request = await self.request("--origin", "https://example.com")
        self.assertEqual(request.headers["Origin"], "https://example.com")

    async def test_subprotocols(self):
        request = await self.request("-s", "v2", "-s", "v1", subprotocols=["v1"])
        self.assertEqual(request.headers["Sec-WebSocket-Protocol"], "v2, v1")

    async def test_it_says_what_it_is(self):
        request = await self.request()
        self.assertEqual(request.headers["User-Agent"], f"txws2/{txws2.__version__}")


class RefusalTests(MainTestCase):
    async def assertCannotConnect(self, *arguments):
        """Assert that it fails with one line of error; return that line's text after the URI."""
        self.assertEqual(await self.run_main(*arguments), 1)
        line, *self.advice = self.errors().splitlines()
        before, _, reason = line.partition(f"{self.uri}: ")
        self.assertEqual(before, "can't connect to ")
        return reason

    async def test_nobody_listens(self):
        with socket() as bound:
            bound.bind(("127.0.0.1", 0))
            self.reactor = reactor
            self.uri = f"ws://127.0.0.1:{bound.getsockname()[1]}/"
            self.assertIn("refused", await self.assertCannotConnect())
        self.assertEqual(self.advice, ["is the server running, and is this its port?"])

    async def test_the_server_answers_otherwise(self):
        await self.serve(echo, origins=["https://example.com"])
        self.assertIn("HTTP 403", await self.assertCannotConnect())

    async def test_the_words_of_a_refusal_are_shown(self):
        def refuse(ws, request):
            return Response(402, "Payment Required", body=b"first pay\nthen come again\n")

        await self.serve(echo, process_request=refuse)
        self.assertIn("HTTP 402", await self.assertCannotConnect())
        self.assertEqual(self.advice, ["first pay", "then come again"])

    async def test_no_password_is_shown(self):
        for uri in "http://me:secret@h/", "ws://me:secret@127.0.0.1:1/@", "ws://me:se/cret@h/":
            sys.stderr.truncate(sys.stderr.seek(0))
            self.uri = uri
            self.assertEqual(await self.run_main("--proxy", "none"), 1)
            self.assertNotIn("cret", self.errors())

    async def test_it_is_no_websocket_uri(self):
        self.uri = "http://example.com/"
        self.assertIn("must begin with ws:// or wss://", await self.assertCannotConnect())
        self.assertEqual(self.advice, [])

    async def test_the_server_is_silent(self):
        with socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            self.reactor = reactor
            self.uri = f"ws://127.0.0.1:{listening.getsockname()[1]}/"
            self.assertIn("timed out", await self.assertCannotConnect("--timeout", "0.05"))

    async def test_a_header_that_can_not_be_sent(self):
        self.uri = "ws://example.com/"
        self.assertIn("header", await self.assertCannotConnect("--header", "X: one\ntwo"))

    async def test_a_server_without_tls(self):
        await self.serve(echo)
        self.uri = self.uri.replace("ws:", "wss:")
        for arguments in (), ("--insecure",):
            sys.stderr.truncate(sys.stderr.seek(0))
            self.assertIn("TLS", await self.assertCannotConnect(*arguments))


class ModuleTests(SynchronousTestCase):
    def test_a_stream_that_is_closed_is_the_end(self):
        self.patch(sys, "stderr", StringIO())
        self.patch(txws2.__main__, "check_streams", lambda: "standard output is closed")
        with self.assertRaises(SystemExit) as ended:
            txws2.__main__.main(["ws://127.0.0.1:1/"])
        self.assertEqual(ended.exception.code, 1)
        self.assertEqual(sys.stderr.getvalue(), "standard output is closed\n")

    def test_the_second_signal_is_left_to_the_system_unless_it_is_ignored(self):
        found = {signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: signal.default_int_handler}
        made = {}
        self.patch(signal, "getsignal", found.get)
        self.patch(signal, "signal", made.__setitem__)
        txws2.__main__._stop_at_once_next_time()
        self.assertEqual(made, {signal.SIGTERM: signal.SIG_DFL})

    def test_it_can_be_run(self):
        self.patch(sys, "stdout", StringIO())
        self.patch(sys, "argv", ["txws2", "--version"])
        self.patch(sys, "modules", {**sys.modules})
        del sys.modules["txws2.__main__"]
        with self.assertRaises(SystemExit) as ended:
            runpy.run_module("txws2", run_name="__main__")
        self.assertEqual(ended.exception.code, 0)
        self.assertEqual(sys.stdout.getvalue(), f"txws2 {txws2.__version__} {about()}\n")
