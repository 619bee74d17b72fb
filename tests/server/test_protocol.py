"""The server's handlers, in pull style; test_server_handshake.py has the handshake."""

from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from tests.support.sides import REQUEST, QuietTestCase, RecordedServer
from tests.transport.test_tls_writer import TLSTestCase
from txws2.server.factory import WebSocketServerFactory


class HandlerTests(QuietTestCase):
    def echoed(self, handler):
        both = self.join(handler=handler)
        both.client.send("hello")
        both.pump()
        return self.successResultOf(both.client.recv())

    def test_a_coroutine_function(self):
        async def handler(ws):
            async for message in ws:
                await ws.send(message)

        self.assertEqual(self.echoed(handler), "hello")

    def test_inline_callbacks(self):
        @inlineCallbacks
        def handler(ws):
            message = yield ws.recv()
            yield ws.send(message)

        self.assertEqual(self.echoed(handler), "hello")

    def test_a_function_that_returns_a_deferred(self):
        self.assertEqual(self.echoed(lambda ws: ws.recv().addCallback(ws.send)), "hello")

    def test_a_bound_method(self):
        class Chat:
            async def run(self, ws):
                await ws.send(await ws.recv())

        self.assertEqual(self.echoed(Chat().run), "hello")

    def test_it_is_given_the_open_connection(self):
        given = []
        both = self.join(handler=given.append)
        self.assertEqual(given, [both.server])
        self.assertEqual(both.server.request.path, "/chat")

    def test_messages_that_it_sends_at_once_leave_together_with_the_response(self):
        class Greeting(RecordedServer):
            def connectionOpened(self):
                self.sendMessage("hello")

        writes = []
        transport = StringTransport()
        transport.write = writes.append
        factory = WebSocketServerFactory(
            lambda ws: ws.send("world"), create_protocol=Greeting, reactor=Clock()
        )
        server = factory.buildProtocol(None)
        server.makeConnection(transport)
        server.dataReceived(REQUEST)
        [written] = writes
        self.assertTrue(written.startswith(b"HTTP/1.1 101 "))
        self.assertIn(b"\r\n\r\n\x81\x05hello\x81\x05world", written)

    def test_it_is_not_called_if_the_protocol_has_closed_already(self):
        class Closing(RecordedServer):
            def connectionOpened(self):
                self.close(4000)

        given = []
        both = self.join(Closing, handler=given.append)
        self.assertEqual(given, [])
        self.assertEqual(both.client.close_code, 4000)

    def test_it_counts_as_running_until_its_connection_is_closed(self):
        finish = Deferred()
        both = self.join(handler=lambda ws: finish)
        running = both.server.factory.running
        self.assertEqual(len(running), 1)
        finish.callback(None)
        self.assertEqual(len(running), 1)
        both.pump()
        self.assertEqual(running, set())


class BrokenHandlerTests(QuietTestCase):
    """Attack 23."""

    def assertFails(self, handler):
        both = self.join(handler=handler)
        both.pump()
        self.assertEqual(len(self.take_loud()), 1)
        self.assertEqual((both.client.close_code, both.client.close_reason), (1011, ""))
        self.assertEqual(both.server.factory.running, set())

    def test_one_that_raises_before_it_waits(self):
        def handler(ws):
            raise ValueError

        self.assertFails(handler)

    def test_one_that_raises_later(self):
        def handler(ws):
            later = Deferred()
            self.clock.callLater(0, later.errback, ValueError())
            return later

        both = self.join(handler=handler)
        both.advance(1)
        self.assertEqual(len(self.take_loud()), 1)
        self.assertEqual(both.client.close_code, 1011)

    def test_one_that_was_cancelled_by_itself(self):
        async def handler(ws):
            raise CancelledError

        self.assertFails(handler)

    def test_one_that_raises_after_it_has_closed(self):
        async def handler(ws):
            await ws.close(4000)
            raise ValueError

        both = self.join(handler=handler)
        both.pump()
        self.assertEqual(len(self.take_loud()), 1)
        self.assertEqual(both.client.close_code, 4000)

    def test_one_that_closes_twice(self):
        async def handler(ws):
            await ws.close(4000)
            await ws.close(4001)

        both = self.join(handler=handler)
        both.pump()
        self.assertEqual(both.client.close_code, 4000)
        self.assertEqual(both.server.factory.running, set())

    def test_one_that_blocks_for_ever_does_not_hold_up_the_close(self):
        both = self.join(handler=lambda ws: Deferred())
        both.client.close()
        both.pump()
        self.assertEqual(str(both.client.lost[0]), "sent 1000 (OK); then received 1000 (OK)")

    def test_the_others_are_served_on(self):
        async def handler(ws):
            if await ws.recv() == "raise":
                raise ValueError
            await ws.send("fine")

        broken, fine = self.join(handler=handler), self.join(handler=handler)
        broken.client.send("raise")
        broken.pump()
        self.assertEqual(len(self.take_loud()), 1)
        fine.client.send("hello")
        fine.pump()
        self.assertEqual(self.successResultOf(fine.client.recv()), "fine")


class SlowTLSTests(TLSTestCase):
    """Attack 5: a request that is never sent, over TLS."""

    def connect(self, rounds=8):
        self.clock = Clock()
        # A connection in memory has no epoll.
        self.factory = WebSocketServerFactory(reactor=self.clock, share_epoll=False)
        self.join(factory=self.factory, rounds=rounds)

    def test_after_the_handshake_of_tls_it_is_408(self):
        self.connect()
        self.clock.advance(10)
        self.turns()
        self.assertTrue(self.peer.heard.startswith(b"HTTP/1.1 408 "))
        self.assertEqual(self.peer.ended, "TLS")

    def test_without_it_nothing_can_be_said_and_nothing_is_waited_for(self):
        self.connect(rounds=0)
        self.clock.advance(10)
        self.turn()
        self.assertEqual(len(self.factory.connections), 0)
        self.assertEqual(self.factory.counters.refused, {"OpeningTimeout": 1})
        self.assertEqual(self.clock.getDelayedCalls(), [])
