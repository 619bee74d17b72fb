"""docs/faq/both.rst shows programs that work."""

import json

from tests.support.answers import AnswerTestCase
from txws2.testing import Opcode, ScriptedServer


class BothTests(AnswerTestCase):
    page = "both"

    # The end of a connection.

    def test_a_connection_that_is_lost(self):
        both = self.connect(self.serve("no close frame received or sent"))
        self.assertEqual(self.ask(both, "hello"), "hello")
        both.drop()
        [(code, exc)] = self.printed
        self.assertEqual((code, str(exc)), (1006, "no close frame received or sent"))

    def test_a_peer_that_is_silent(self):
        both = self.connect(self.serve("keepalive ping timeout"))
        both.vanish()
        both.advance(149)
        self.assertIsNone(both.server.close_code)
        both.advance(1)
        self.assertEqual(both.server.close_code, 1006)
        text = "sent 1011 (internal error) keepalive ping timeout; no close frame received"
        self.assertClosed(both.server.recv(), f"ConnectionClosedError: {text}")

    def test_the_end_of_a_connection(self):
        served = self.serve("handle the end")
        both = self.connect(served)
        both.result_of(both.client.close(4000, "enough"))
        self.connect(served).drop()
        self.assertEqual(
            self.printed, ["hello", ("bye", 4000, "enough"), "hello", ("bye", 1006, "")]
        )

    def test_a_code(self):
        both = self.connect(self.serve("Which code"))
        both.client.sendMessage("now")
        both.pump()
        self.assertEqual((both.client.close_code, both.client.close_reason), (4001, "say please"))

    # Keepalive and time limits.

    def test_a_timeout(self):
        both = self.connect(self.serve("timeout on"))
        both.advance(10)
        self.assertEqual(self.heard(both), "are you still there?")
        self.assertEqual(self.ask(both, "yes"), "yes")

    def pings(self, transport):
        return sum(frame.opcode == Opcode.PING for frame in transport.frames())

    def test_pings(self):
        both = self.connect(self.serve("keep idle connections open"))
        both.advance(60)
        self.assertEqual(self.pings(both.server_transport), 12)
        self.assertIsNone(both.server.close_code)

    def start(self, words, handler):
        """Start a client; return the server that it meets."""
        server = ScriptedServer(handler, reactor=self.reactor)
        self.answer(words)
        [((main,), _)] = self.ran
        self.running = server.start(main(self.reactor))
        return server

    def test_heartbeats_of_a_server(self):
        async def handler(ws):
            await ws.send("heartbeat")
            await ws.send(f"you are {await ws.recv()}")

        self.start("respond to pings", handler)
        self.successResultOf(self.running)
        self.assertEqual(self.printed, ["you are alive"])

    def test_the_latency(self):
        self.start("measure the latency", lambda ws: ws.wait_closed())
        self.successResultOf(self.running)
        self.assertEqual(self.printed, ["0.0 ms"])

    # Messages.

    def test_text_and_bytes(self):
        both = self.connect(self.serve("send text"))
        self.assertEqual(self.ask(both, "text"), "TEXT")
        self.assertEqual(self.ask(both, b"\x01\x02"), b"\x02\x01")

    def test_json(self):
        both = self.connect(self.serve("send JSON"))
        self.assertEqual(json.loads(self.ask(both, '{"a": 1, "b": 2}')), {"sum": 3})
        for wrong in "{", "[]", '{"a": 1}', '{"a": 1, "b": "x"}', "1", b"\xff":
            self.assertIn("error", json.loads(self.ask(both, wrong)))

    def test_orders_are_sent_until_they_are_answered(self):
        orders = []

        async def handler(ws):
            async for order in ws:
                orders.append(order)
                if len(orders) > 1:
                    await ws.send(f"{order[0]} is ready")
                if len(orders) == 2:
                    ws.transport.abortConnection()

        server = self.start("Does my message arrive", handler)
        server.advance(60)
        self.successResultOf(self.running)
        self.assertEqual(orders[:2], ["1 tea", "2 coffees"])
        self.assertIn("1 tea", orders[2:])
        self.assertEqual(len(server.attempts), 2)

    def test_workers(self):
        both = self.connect(self.serve("two coroutines"))
        self.assertEqual(self.ask(both, "a"), "a is done")
        self.assertEqual(self.ask(both, "b"), "b is done")
        both.drop()
        self.assertEqual(both.take_failures(), [])

    def test_no_compression(self):
        both = self.connect(self.serve("compression off"))
        self.assertEqual(self.ask(both, "x" * 1000), "x" * 1000)
        self.assertNotIn("Sec-WebSocket-Extensions", both.client.response.headers)

    # Programs.

    def test_a_protocol_has_arguments(self):
        both = self.connect(self.serve("arguments to a protocol"))
        self.assertEqual(self.ask(both, "Ada"), "Welcome, Ada!")

    def test_debugging(self):
        both = self.connect(self.serve("see what is sent"))
        self.assertEqual(self.ask(both, "hello"), "hello")
        texts = [event["text"] for event in self.events if event.get("sign") == "<"]
        self.assertIn("TEXT 'hello' [5 bytes]", texts)

    def test_a_test(self):
        self.answer("test my code")["test_it_shouts"]()

    def test_every_answer_is_run(self):
        self.assertEveryAnswerIsRun()
