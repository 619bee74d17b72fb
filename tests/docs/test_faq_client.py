"""docs/faq/client.rst shows programs that work."""

import io
import threading
import urllib.request
from email.message import Message

from twisted.internet import threads

import txws2
from tests.support.answers import AnswerTestCase
from txws2.testing import Refuse, ScriptedServer, Silence


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class ClientTests(AnswerTestCase):
    page = "client"

    def meet(self, words, handler=echo, **options):
        """Start a program; return the server that it meets, and the program's Deferred."""
        server = ScriptedServer(handler, reactor=self.reactor, **options)
        self.answer(words)
        [((main,), _)] = self.ran
        return server, lambda: server.start(main(self.reactor))

    def assertPrints(self, *lines, words, handler=echo):
        """Run a program to its end."""
        server, start = self.meet(words, handler)
        running = start()
        self.reactor.advance(3)
        self.successResultOf(running)
        self.assertEqual(self.printed, list(lines))
        return server

    # Programs.

    def test_a_program(self):
        self.assertPrints("hello", words="end at once")

    def test_a_connection_in_an_object(self):
        self.assertPrints("on", words="closed before I use it")

    def test_a_program_sends_and_receives(self):
        self.assertPrints("0", "1", "2", words="send and receive at the same time")

    def test_answers_have_the_numbers_of_their_questions(self):
        answer = {"id": 0, "question": "why?"}
        self.assertPrints(answer, words="wait for the answer")

    def test_many_connections(self):
        self.assertPrints(["/a", "/b", "/c"], words="many connections")

    def test_a_program_with_threads(self):
        server = ScriptedServer(echo, reactor=self.reactor)
        started, stopped = [], []

        class Thread:
            def __init__(self, target, args, daemon):
                self.start = lambda: started.append((target, args, daemon))

        def call(reactor, function, *arguments, **keywords):
            return server.result_of(function(*arguments, **keywords))

        self.patch(threading, "Thread", Thread)
        self.patch(threads, "blockingCallFromThread", call)
        self.reactor.run, self.reactor.stop = "run", lambda: stopped.append("stop")
        self.answer("program that blocks")
        self.assertEqual(self.printed, ["hello"])
        self.assertEqual((started, stopped), ([("run", (False,), True)], ["stop"]))

    def test_a_program_of_asyncio(self):
        self.answer("program of asyncio")
        [((main,), options)] = self.ran
        self.assertEqual(options, {"reactor": "asyncio"})
        self.assertEqual(main.__name__, "main")

    # Staying connected.

    def test_a_client_reconnects(self):
        server, start = self.meet("How do I reconnect")
        running = start()
        server.connection.drop()
        server.advance(60)
        self.assertEqual(self.printed, ["subscribe"] * 2)
        running.cancel()
        self.failureResultOf(running)

    def test_a_client_comes_back_when_nothing_comes(self):
        server, start = self.meet("Why does nothing come")
        running = start()
        server.advance(299)
        self.assertEqual(len(server.attempts), 1)
        server.advance(61)
        self.assertEqual(len(server.attempts), 2)
        self.assertEqual(self.printed, ["subscribe"] * 2)
        running.cancel()
        self.failureResultOf(running)

    def test_a_client_is_stopped(self):
        server, start = self.meet("stop a client")
        running = start()
        server.connection.server.sendMessage("hello")
        server.advance(10)
        self.successResultOf(running)
        self.assertEqual(self.printed, ["hello", "stopped"])

    def test_the_state_of_a_connection(self):
        _, start = self.meet("know whether")
        self.successResultOf(start())
        opened, closed, exc = self.printed
        self.assertEqual((opened, closed), (True, ("closed with", 1000)))
        self.assertEqual(str(exc), "sent 1000 (OK); then received 1000 (OK)")

    def test_no_keepalive(self):
        server, start = self.meet("disable the keepalive", lambda ws: ws.wait_closed())
        running = start()
        server.advance(3599)
        self.assertNoResult(running)
        # The server's pings are the only frames.
        frames = server.connection.client_transport.frames()
        self.assertNotIn(9, [frame.opcode for frame in frames])
        server.connection.server.sendMessage("at last")
        server.pump()
        self.successResultOf(running)
        self.assertEqual(self.printed, ["at last"])

    # Requests.

    def test_headers(self):
        server = self.assertPrints(101, words="send a token")
        headers = server.attempts[0].request.headers
        self.assertEqual(headers["Authorization"], "Bearer c2VjcmV0")
        self.assertEqual(headers["Cookie"], "session=abc")

    def test_cookies(self):
        async def greet(ws):
            await ws.send(ws.request.cookies["session"])

        def log_in(url):
            self.assertEqual(url, "http://localhost:8000/login")
            response = io.BytesIO()
            response.headers = Message()
            response.headers["Set-Cookie"] = "session=abc; HttpOnly"
            return response

        self.patch(urllib.request, "urlopen", log_in)
        self.assertPrints("abc", words="use cookies", handler=greet)

    def test_a_refusal(self):
        server, start = self.meet("why the server refuses")
        server.script(Refuse(403, body="not you\n"))
        running = start()
        server.advance(1)
        self.successResultOf(running)
        self.assertEqual(self.printed, [(403, b"not you\n")])

    def test_a_self_signed_certificate(self):
        called = []

        class Connection:
            async def __aenter__(self):
                return self

            async def __aexit__(self, *exception):
                pass

            async def recv(self):
                return "hello"

        def connect(uri, **options):
            called.append((uri, options))
            return Connection()

        self.patch(txws2, "connect", connect)
        self.assertPrints("hello", words="self-signed")
        self.assertEqual(called, [("wss://localhost:8443/", {"tls": "cert.pem"})])

    def test_a_proxy(self):
        server, start = self.meet("use a proxy")
        start()
        self.assertEqual(server.attempts[0].place, ("localhost", 1080))

    def test_another_address(self):
        server = self.assertPrints("hello", words="another address")
        self.assertEqual(server.attempts[0].place, ("127.0.0.1", 8000))
        self.assertEqual(server.attempts[0].request.headers["Host"], "localhost")

    def test_a_time_limit(self):
        server, start = self.meet("time limit for connecting")
        server.script(Silence())
        running = start()
        server.advance(3)
        self.successResultOf(running)
        [(exc, stage)] = self.printed
        self.assertEqual(str(exc), "timed out during opening handshake")
        self.assertEqual(stage, exc.stage)

    def test_a_large_message(self):
        async def large(ws):
            await ws.send(b"\0" * 3_000_000)

        self.assertPrints(3_000_000, words="larger than 1 MiB", handler=large)

    def test_every_answer_is_run(self):
        self.assertEveryAnswerIsRun()
