"""`cancelled_on_close`: a handler is cancelled with its connection, whatever it waits for."""

import gc

from twisted.internet.defer import (
    Deferred,
    DeferredQueue,
)
from twisted.internet.task import deferLater

import txws2
from tests.support.sides import CLOSE, REQUEST, TEXT, Peer, QuietTestCase, ServerSide, closing
from tests.support.ways import OverTLS
from tests.support.website import SiteTestCase
from txws2 import cancelled_on_close
from txws2.exceptions import ConnectionClosed
from txws2.server.factory import WebSocketServerFactory
from txws2.testing import joined

FAILED = "connection handler failed"


class CancellingTestCase(QuietTestCase):
    """Has handlers that note how they end."""

    def setUp(self):
        super().setUp()
        self.queue = DeferredQueue()
        self.told = []
        self.cleaning = Deferred()

    async def feed(self, ws, **parameters):
        """Send the messages of a queue; the end of the connection doesn't reach it by itself."""
        try:
            while True:
                await ws.send(await self.queue.get())
        except BaseException as exc:
            self.told.append(type(exc).__name__)
            raise
        finally:
            self.told.append("finally")

    def run_handler(self, handler, **options):
        return self.enterContext(joined(handler=handler, clock=self.clock, **options))


class EndTestCase(CancellingTestCase, ServerSide):
    """Has a handler, and a peer that speaks bytes."""

    def start(self, handler, **options):
        self.factory = WebSocketServerFactory(handler, reactor=self.clock, **options)
        self.ws = self.factory.buildProtocol(None)
        self.peer = Peer()
        self.joined = self.link(self.ws, self.peer)
        self.joined.pump()
        self.receive(REQUEST)
        self.peer.take()
        self.assertEqual(len(self.factory.running), 1)

    def start_feed(self, **options):
        self.start(cancelled_on_close(self.feed), **options)
        self.queue.put("first")
        self.assertEqual(self.said(), [(TEXT, b"first")])

    def assertCancelled(self):
        self.assertEqual(self.told, ["CancelledError", "finally"])
        self.assertEqual(len(self.factory.running), 0)
        self.assertEqual(self.take_loud(), [])
        self.assertEqual(self.queue.waiting, [])


class EndTests(EndTestCase):
    """Each way in which a connection can end."""

    def test_without_it_a_handler_waits_on(self):
        self.start(self.feed)
        self.joined.drop()
        self.assertEqual(self.told, [])
        self.assertEqual(len(self.factory.running), 1)
        [waiting] = self.queue.waiting
        waiting.cancel()
        self.take_loud()

    def test_the_peer_closes(self):
        self.start_feed()
        self.hear((CLOSE, closing(1001)))
        self.joined.drop()
        self.assertCancelled()

    def test_the_peer_closes_with_an_error(self):
        self.start_feed()
        self.hear((CLOSE, closing(1011)))
        self.joined.drop()
        self.assertCancelled()

    def test_the_peer_vanishes(self):
        self.start_feed()
        self.joined.drop()
        self.assertCancelled()

    def test_the_keepalive_gives_the_peer_up(self):
        self.start_feed()
        self.joined.vanish()
        self.joined.advance(60)
        self.assertCancelled()

    def test_the_peer_breaks_the_protocol(self):
        self.start_feed()
        self.hear((3, b""))
        self.assertCancelled()

    def test_another_part_of_the_application_closes(self):
        self.start_feed()
        self.ws.close(4001, "kicked")
        self.hear((CLOSE, closing(4001)))
        self.joined.drop()
        self.assertCancelled()

    def test_the_server_stops(self):
        self.start_feed()
        stopping = txws2.Server(self.factory, []).close()
        self.hear((CLOSE, closing(1001)))
        self.joined.drop()
        self.assertCancelled()
        self.successResultOf(stopping)


class EndOverTLSTests(OverTLS, EndTests):
    pass


class ResourceTests(SiteTestCase, CancellingTestCase):
    def test_a_client_of_a_site_leaves(self):
        self.serve(cancelled_on_close(self.feed))
        self.open()
        self.queue.put("first")
        self.assertEqual(self.said(), [(TEXT, b"first")])
        self.hear((CLOSE, closing(1000)))
        self.leave()
        self.assertEqual(self.told, ["CancelledError", "finally"])


class EndWithinAStepTests(EndTestCase):
    def test_the_peer_ends_within_the_first_step(self):
        async def handler(ws):
            self.joined.drop()
            await self.feed(ws)

        self.factory = WebSocketServerFactory(cancelled_on_close(handler), reactor=self.clock)
        self.ws = self.factory.buildProtocol(None)
        self.peer = Peer()
        self.joined = self.link(self.ws, self.peer)
        self.receive(REQUEST)
        self.assertCancelled()

    def test_the_peer_ends_within_a_later_step(self):
        async def handler(ws):
            await self.queue.get()
            self.joined.drop()
            await self.feed(ws)

        self.start(cancelled_on_close(handler))
        self.queue.put("go on")
        self.clock.advance(0)
        self.assertCancelled()


class QuietEndTests(CancellingTestCase):
    def test_a_connection_closed_that_it_does_not_catch_is_one_line_at_info(self):
        @cancelled_on_close
        async def handler(ws):
            await ws.recv()

        both = self.run_handler(handler)
        both.drop()
        [event] = [event for event in self.events if "handler ended" in event["log_format"]]
        self.assertEqual(event["connection"], both.server.id)

    def test_one_that_is_not_looked_at_ends_without_a_word(self):
        @cancelled_on_close
        async def ticking(ws):
            while True:
                await deferLater(self.clock, 1)
                await ws.send("tick")

        async def handler(ws):
            ticking(ws)
            await ws.wait_closed()

        both = self.run_handler(handler)
        both.client_transport.frozen = True
        both.server.close()
        # The handler sends while the connection is closing.
        self.clock.advance(1)
        both.drop()
        gc.collect()
        self.assertEqual(self.take_loud(), [])

    def test_a_failure_of_its_own_is_logged_though_nobody_waits_for_it(self):
        @cancelled_on_close
        async def failing(ws):
            raise KeyError

        both = self.run_handler(lambda ws: failing(ws) and ws.wait_closed())
        gc.collect()
        self.assertEqual(len(self.take_loud()), 2)
        both.take_failures()

    def test_the_traceback_of_its_failure_leads_to_where_it_waited(self):
        async def ask(ws):
            await ws.recv()

        both = self.run_handler(lambda ws: ws.wait_closed())
        running = cancelled_on_close(ask)(both.client)
        both.drop()
        failure = self.failureResultOf(running, ConnectionClosed)
        self.assertIn("await ws.recv()", failure.getTraceback())

    def test_connection_closed_can_be_caught_as_ever(self):
        @cancelled_on_close
        async def handler(ws):
            try:
                await ws.recv()
            except ConnectionClosed:
                self.told.append("caught")

        self.run_handler(handler).drop()
        self.assertEqual(self.told, ["caught"])
