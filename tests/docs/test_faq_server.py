"""docs/faq/server.rst shows programs that work."""

import asyncio
import os
import shlex
import sys
import threading
from pathlib import Path

from twisted.internet.defer import Deferred, succeed
from twisted.web.server import Site

import txws2
from tests.command.test_commands import ROOT, CommandTestCase, free_port
from tests.support.answers import AnswerTestCase, answer_of
from tests.support.examples import blocks
from txws2.tap import Options


class ServerTests(AnswerTestCase):
    page = "server"

    def assertRefused(self, status, served, **request):
        with self.assertRaises(txws2.InvalidStatus) as refused:
            self.connect(served, **request)
        self.assertEqual(refused.exception.response.status_code, status)
        return refused.exception.response

    # Handlers.

    def test_a_loop_answers_all_messages(self):
        both = self.connect(self.serve("closed after one message"))
        self.assertEqual(self.ask(both, "a"), "You said a")
        self.assertEqual(self.ask(both, "b"), "You said b")

    def test_slow_work_is_done_in_a_thread(self):
        both = self.connect(self.serve("all clients wait"))
        self.assertRegex(self.ask(both, "secret"), r"\A[0-9a-f]{64}\Z")

    def test_one_coroutine_counts_while_another_listens(self):
        both = self.connect(self.serve("arrive late"))
        both.client.sendMessage("hello")
        both.advance(2)
        self.assertEqual([self.heard(both) for _ in range(3)], ["0", "1", "2"])
        self.assertEqual(self.printed, ["hello"])
        both.drop()
        self.assertEqual(both.take_failures(), [])

    def test_a_handler_has_arguments(self):
        both = self.connect(self.serve("pass arguments to a handler"))
        self.assertEqual(self.ask(both, "Ada"), "Hello, Ada!")

    def test_a_handler_awaits_asyncio(self):
        handler, options = self.serve("libraries of asyncio")
        self.assertEqual(options, {"reactor": "asyncio"})
        sent = []

        class Connection:
            async def __aiter__(self):
                yield "hello"

            async def send(self, message):
                sent.append(message)

        asyncio.run(handler(Connection()))
        self.assertEqual(sent, ["hello"])

    # Sending.

    def two(self, served, *paths):
        """Connect two clients to one factory."""
        target, options = served
        if not isinstance(target, txws2.WebSocketServerFactory):
            target = txws2.WebSocketServerFactory(target, reactor=self.reactor, **options)
        return [self.connect((target, {}), path) for path in paths or ("/", "/")]

    def test_all_clients_get_a_message(self):
        one, two = self.two(self.serve("to all clients"))
        self.assertEqual(self.ask(one, "hello"), "hello")
        self.assertEqual(self.heard(two), "hello")

    def test_one_client_gets_a_message(self):
        ada, bob = self.two(self.serve("to some clients"), "/?name=ada", "/?name=bob")
        ada.client.sendMessage("bob: hello")
        ada.pump()
        self.assertEqual(self.heard(bob), "ada: hello")

    def test_a_timer_sends_to_all(self):
        one, two = self.two(self.serve("from outside a handler"))
        one.advance(2)
        self.assertEqual([self.heard(two), self.heard(two)], ["1", "2"])
        self.assertEqual(self.heard(one), "1")

    def test_a_thread_sends_to_all(self):
        started = []

        class Thread:
            def __init__(self, target, daemon):
                self.start = lambda: started.append(target)

        self.patch(threading, "Thread", Thread)
        one, two = self.two(self.serve("from another thread"))
        self.patch(sys, "stdin", ["hello\n"])
        started[0]()
        self.assertEqual([self.heard(one), self.heard(two)], ["hello\n"] * 2)

    # Requests and clients.

    def test_the_address_of_a_client(self):
        served = self.serve("address of a client")
        both = self.connect(served, additional_headers={"X-Forwarded-For": "192.0.2.1"})
        self.assertEqual(self.heard(both), "You come from 192.0.2.1.")

    def test_the_parts_of_a_request(self):
        headers = {"Cookie": "session=abc", "User-Agent": "test"}
        served = self.serve("read the path")
        both = self.connect(served, "/chat?room=1", additional_headers=headers)
        seen = [self.heard(both) for _ in range(4)]
        self.assertEqual(seen, ["/chat?room=1", "1", "test", "abc"])

    def test_a_cookie_lets_a_page_in(self):
        served = self.serve("authenticate pages")
        cookie = {"Cookie": "session=c2VjcmV0"}
        page = {"origin": "http://localhost:8000", "additional_headers": cookie}
        self.assertEqual(self.heard(self.connect(served, **page)), "Hello, ada!")
        self.assertRefused(403, served, origin="http://localhost:8000")
        self.assertRefused(
            403, served, origin="https://elsewhere.example", additional_headers=cookie
        )
        self.take_loud()

    def test_pages_of_some_origins_are_accepted(self):
        served = self.serve("refused with 403")
        for origin in "http://localhost:8000", "http://localhost:5173", None:
            self.assertEqual(self.heard(self.connect(served, origin=origin)), "welcome")
        self.assertRefused(403, served, origin="http://localhost:3000")
        self.take_loud()

    def test_the_server_closes_a_connection(self):
        served = self.serve("close a connection from the server")
        first = self.connect(served, "/?name=ada")
        second = self.connect(served, "/?name=ada")
        first.pump()
        self.assertEqual(first.client.close_code, 4001)
        self.assertIsNone(second.client.close_code)
        second.drop()
        third = self.connect(served, "/?name=ada")
        third.pump()
        self.assertIsNone(third.client.close_code)

    def test_limits(self):
        handler, options = self.serve("limit messages and clients")
        both = self.connect((handler, options))
        both.client.sendMessage("x" * 10_001)
        both.pump()
        self.assertEqual(both.client.close_code, 1009)
        self.take_loud()

    # Ports, TLS and other servers.

    def test_pages_and_websockets_on_one_port(self):
        mounts, options = self.serve("pages and WebSockets on one port")
        self.assertIsInstance(mounts.site, Site)
        self.assertEqual(self.ask(self.connect((mounts.factories[0], options)), "hello"), "hello")

    def test_a_view_of_wsgi_sends_to_all(self):
        mounts, options = self.serve("Django or Flask")
        both = self.connect((mounts.factories[0], options))
        answered = []
        view = self.names["application"]
        body = view({}, lambda status, headers: answered.append(status))
        self.assertEqual((answered, body), (["200 OK"], [b"Hello!\n"]))
        self.assertEqual(self.heard(both), "somebody has looked")

    def test_wss(self):
        handler, options = self.serve("serve wss")
        self.assertEqual(set(options), {"endpoint"})
        both = self.connect((handler, {}))
        self.assertEqual(self.heard(both), "nobody else can read this")

    def test_the_proxy_says_whether_the_client_came_by_tls(self):
        headers = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
        both = self.connect(self.serve("behind nginx"), additional_headers=headers)
        self.assertEqual(self.heard(both), "secure")

    def test_a_health_check_is_answered(self):
        served = self.serve("health check")
        self.assertEqual(self.heard(self.connect(served)), "welcome")
        self.assertEqual(self.assertRefused(200, served, path="/healthz").body, b"ok\n")

    # Starting and stopping.

    def test_a_server_is_closed_after_an_hour(self):
        closed = []

        class Server:
            def close(self):
                closed.append(self)
                return succeed(None)

        self.patch(txws2, "serve", lambda *arguments: succeed(Server()))
        main, _ = self.serve("stop a server")
        running = Deferred.fromCoroutine(main(self.reactor))
        self.assertEqual(closed, [])
        self.reactor.advance(3600)
        self.successResultOf(running)
        self.assertEqual(len(closed), 1)

    def test_a_server_reloads(self):
        handler, options = self.serve("reload a server")
        self.assertEqual(options, {"reload": True})
        self.assertEqual(self.ask(self.connect((handler, {})), "hello"), "hello")

    def test_every_answer_is_run(self):
        self.assertEveryAnswerIsRun()

    def test_the_commands_for_several_cores(self):
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(Path(ROOT, "docs", "examples", "tutorial"))
        # docs/examples has another chat.py.
        self.addCleanup(sys.modules.pop, "chat", None)
        sys.modules.pop("chat", None)
        self.patch(sys, "path", ["", *sys.path])
        listening = []
        for line in COMMANDS[1].split("\n")[:2]:
            program, *arguments = shlex.split(line)
            self.assertEqual((program, arguments[:3]), ("twistd", ["-n", "--pidfile=", "ws"]))
            options = Options()
            options.parseOptions(arguments[3:])
            listening += options["listen"]
        self.assertEqual(len(set(listening)), 2)


COMMANDS = blocks(Path(ROOT, "docs", "faq", "server.rst").read_text(), "shell")


class WssTests(CommandTestCase):
    async def test_a_certificate_that_signs_itself(self):
        path = self.make_directory()
        program = answer_of("server", "serve wss")
        port = free_port()
        (path / "example.py").write_text(program.replace("8443", str(port)))
        making = self.start(*shlex.split(COMMANDS[0].replace("\\\n", "")), path=str(path))
        await making.ended
        self.assertEqual(making.status, 0, making.err)
        server = self.start(sys.executable, "example.py", path=str(path))
        await server.shown("listening on wss")
        uri = f"wss://localhost:{port}/"
        async with txws2.connect(uri, tls=str(path / "cert.pem"), proxy=None) as ws:
            self.assertEqual(await ws.recv(), "nobody else can read this")
        with self.assertRaises(txws2.SecurityError):
            await txws2.connect(uri, proxy=None)
