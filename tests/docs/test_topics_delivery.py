"""docs/topics/delivery.rst is right about losses, and its server counts each message once."""

import os
import runpy
import sqlite3
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2.testing import Open, ScriptedServer, joined

PAGE = Path(ROOT, "docs", "topics", "delivery.rst").read_text()
[DATABASE] = blocks(PAGE, "python")
ACKNOWLEDGED = Path(ROOT, "docs", "examples", "acknowledged.py")
URI = "ws://localhost/"


class EndTests(SynchronousTestCase):
    def assertAllReceived(self, end):
        """Check that a handler gets what has arrived, however the connection ends meanwhile."""
        gate, heard = Deferred(), []

        async def handler(ws):
            await gate
            try:
                while True:
                    heard.append(await ws.recv())
            except txws2.ConnectionClosed as exc:
                heard.append(exc)

        with joined(handler) as both:
            for number in range(3):
                both.client.sendMessage(str(number))
            both.pump()
            end(both)
            gate.callback(None)
            both.pump()
        self.assertEqual(heard[:3], ["0", "1", "2"])
        self.assertIsInstance(heard[3], txws2.ConnectionClosed)

    def test_recv_gives_all_that_has_arrived_before_it_tells_the_end(self):
        def vanish(both):
            both.vanish()
            both.advance(60)

        for end in (
            lambda both: (both.client.close(), both.pump()),
            lambda both: (both.server.close(), both.pump()),
            lambda both: both.drop(),
            vanish,
        ):
            self.assertAllReceived(end)

    def test_messages_that_a_handler_has_sent_before_it_fails_arrive(self):
        async def handler(ws):
            await ws.send("before")
            raise ValueError("oh")

        with joined(handler) as both:
            self.assertEqual(both.result_of(both.client.recv()), "before")
            both.pump()
            self.assertEqual(both.client.close_code, 1011)
            both.take_failures()
        self.flushLoggedErrors(ValueError)

    def test_push_style_drops_those_that_come_after_close(self):
        heard = []

        class Server(txws2.WebSocketServerProtocol):
            def messageReceived(self, message):
                heard.append(message)
                self.close()

        with joined(server=Server) as both:
            for message in "ab":
                both.client.sendMessage(message)
            both.pump()
        self.assertEqual(heard, ["a"])


class ServiceTests(SynchronousTestCase):
    def test_messages_wait_for_the_next_connection_up_to_the_limit(self):
        with ScriptedServer(at=URI) as server:
            service = txws2.WebSocketClientService(URI, max_waiting=1)
            service.startService()
            kept, refused = service.send("kept"), service.send("refused")
            self.failureResultOf(refused, txws2.InvalidState)
            server.reactor.pump()
            self.successResultOf(kept)
            got = server.connection.result_of(server.connection.server.recv())
            self.assertEqual(got, "kept")
            server.reactor.start(service.stopService())
            server.reactor.pump()


class OnceTests(SynchronousTestCase):
    def setUp(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder)
        names = {}
        exec(DATABASE, names)
        self.handler = names["handler"]
        self.addCleanup(names["database"].close)

    def handled(self):
        with sqlite3.connect("handled.db") as database:
            return database.execute("SELECT number, message FROM handled").fetchall()

    def test_each_message_of_the_example_counts_once_although_it_comes_again(self):
        sender = runpy.run_path(str(ACKNOWLEDGED))["Sender"](["a", "b"])
        lost = []

        async def deaf(ws):
            """Handle a message, and break before the acknowledgement leaves."""
            number, _, message = (await ws.recv()).partition(" ")
            lost.append(number)
            with sqlite3.connect("handled.db") as database:
                database.execute("INSERT INTO handled VALUES (?, ?)", (int(number), message))
            ws.transport.abortConnection()

        with ScriptedServer(self.handler, at=URI) as server:
            server.script(Open(deaf))
            running = server.reactor.start(sender.run(URI))
            server.reactor.advance(60)
            self.successResultOf(running)
        self.assertEqual((lost, self.handled()), (["0"], [(0, "a"), (1, "b")]))
