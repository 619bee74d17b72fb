"""WebSocket to WebSocket: the reverse proxy."""

from tests.support.upstreams import UpstreamTestCase

KIB = 1024


class MessageTests(UpstreamTestCase):
    def test_text_stays_text_and_binary_stays_binary(self):
        self.serve()
        ws = self.connect()
        for message in "text ü", b"\x00\xff", "", b"", "x" * 200 * KIB:
            ws.sendMessage(message)
            self.assertEqual(self.reactor.result_of(ws.recv()), message)
        self.reactor.result_of(ws.close())

    def test_messages_that_come_together_keep_their_order(self):
        self.serve()
        ws = self.connect()
        for number in range(300):
            ws.sendMessage(str(number))
        for number in range(300):
            self.assertEqual(self.reactor.result_of(ws.recv()), str(number))

    def test_what_the_other_server_says_at_once_arrives(self):
        async def greet(ws):
            await ws.send("welcome")
            await ws.wait_closed()

        self.serve(greet)
        self.assertEqual(self.reactor.result_of(self.connect().recv()), "welcome")

    def test_a_ping_is_answered_by_the_first_hop(self):
        self.serve()
        pinged = []
        ws = self.connect()
        self.inner.connection.server.pingReceived = pinged.append
        self.reactor.result_of(ws.ping())
        self.assertEqual(pinged, [])

    def test_compression_is_for_one_hop(self):
        self.serve()
        ws = self.connect(compression="deflate")
        self.assertIn("Sec-WebSocket-Extensions", ws.response.headers)
        self.assertNotIn("Sec-WebSocket-Extensions", self.last_request().headers)

    def test_a_slow_client_stops_the_other_server(self):
        async def flood(ws):
            for _ in range(200):
                await ws.send(bytes(16 * KIB))
                self.received.append(len(self.received))
            await ws.wait_closed()

        self.serve(flood, outer={"compression": None})
        ws = self.connect(max_queue=1)
        self.outer.connection.client_transport.pauseProducing()
        self.reactor.pump()
        self.assertLess(len(self.received), 100)
        self.outer.connection.client_transport.resumeProducing()
        for _ in range(200):
            self.assertEqual(self.reactor.result_of(ws.recv()), bytes(16 * KIB))

    def test_another_server_that_reads_slowly_stops_the_client(self):
        async def wait(ws):
            await ws.wait_closed()

        self.serve(wait, max_queue=1, compression=None)
        ws = self.connect(compression=None)
        sending = [ws.send(bytes(16 * KIB)) for _ in range(200)]
        self.reactor.pump()
        self.assertTrue(self.outer.connection.server_transport.paused)
        self.assertFalse(sending[-1].called)
        for each in sending:
            each.addErrback(lambda _: None)
        self.outer.connection.drop()
        self.reactor.pump()


class ClosingTests(UpstreamTestCase):
    def test_the_code_of_the_client_reaches_the_other_server(self):
        self.serve()
        ws = self.connect()
        self.reactor.result_of(ws.close(4001, "bye"))
        inner = self.inner.connection.server
        self.assertEqual((inner.close_code, inner.close_reason), (4001, "bye"))

    def test_the_code_of_the_other_server_reaches_the_client(self):
        async def refuse(ws):
            await ws.close(4002, "no more")

        self.serve(refuse)
        ws = self.connect()
        self.reactor.result_of(ws.wait_closed())
        self.assertEqual((ws.close_code, ws.close_reason), (4002, "no more"))

    def test_messages_before_the_close_arrive_first(self):
        async def say(ws):
            for number in range(20):
                await ws.send(str(number))

        self.serve(say)
        ws = self.connect()
        got = [self.reactor.result_of(ws.recv()) for _ in range(20)]
        self.reactor.result_of(ws.wait_closed())
        self.assertEqual((got[-1], ws.close_code), ("19", 1000))

    def test_another_server_that_is_lost_is_a_1014(self):
        self.serve()
        ws = self.connect()
        self.inner.connection.drop()
        self.reactor.result_of(ws.wait_closed())
        self.assertEqual(ws.close_code, 1014)

    def test_a_client_that_vanishes_is_a_1001_for_the_other_server(self):
        self.serve()
        self.connect()
        self.outer.connection.drop()
        self.reactor.pump()
        self.assertEqual(self.inner.connection.server.close_code, 1001)

    def test_a_close_without_a_code_is_a_1000(self):
        self.serve()
        self.connect()
        self.outer.connection.server_transport.feed(8, b"")
        self.reactor.pump()
        self.assertEqual(self.inner.connection.server.close_code, 1000)

    def test_a_handler_that_is_cancelled_leaves_nothing_behind(self):
        self.serve()
        self.connect()
        [running] = self.outer.factory.running
        self.outer.factory.stopping = True
        running.cancel()
        self.reactor.pump()
        self.assertEqual(self.inner.connection.server.close_code, 1001)
