"""The contract on handlers and on a server that stops: rows 2, 3, 17 and 18."""

import contextlib
import gc

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.logger import LogLevel
from zope.interface import implementer

from tests.support.sides import (
    REQUEST,
    URI,
    Peer,
    QuietTestCase,
    RecordedClient,
    RecordedServer,
)
from tests.support.ways import OverTLS, OverTLSThroughProxy, ThroughProxy
from txws2.client.protocol import WebSocketClientFactory
from txws2.exceptions import (
    ConnectionClosed,
    ConnectionClosedOK,
)
from txws2.server.factory import WebSocketServerFactory
from txws2.server.server import Server

LOST = "ConnectionClosedError: no close frame received or sent"


class ServingTestCase(QuietTestCase):
    def meet(self, factory):
        """Return a connection between a server of this factory and a client."""
        clients = WebSocketClientFactory(URI, create_protocol=RecordedClient, reactor=self.clock)
        both = self.link(factory.buildProtocol(None), clients.buildProtocol(None))
        both.pump()
        return both


class Handlers:
    """Rows 2, 3 and 17: exceptions that a handler doesn't catch, and those that it does."""

    def join(self, handler):
        return self.meet(
            WebSocketServerFactory(handler, create_protocol=RecordedServer, reactor=self.clock)
        )

    def test_f02_what_the_handler_did_not_catch_is_one_error_with_the_traceback(self):
        async def handler(ws):
            int(await ws.recv())

        both = self.join(handler)
        both.client.send("hello")
        both.pump()
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], "connection handler failed")
        self.assertEqual(event["log_level"], LogLevel.error)
        self.assertEqual(event["connection"], both.server.id)
        failure = event["log_failure"]
        self.assertEqual(failure.type, ValueError)
        self.assertIn("int(await ws.recv())", failure.getTraceback())

    def test_f02_a_client_that_is_gone_is_no_error_of_the_handler(self):
        ends = []

        async def handler(ws):
            try:
                await ws.recv()
            except ConnectionClosed as exc:
                ends.append(f"{type(exc).__name__}: {exc}")
                raise

        both = self.join(handler)
        both.drop()
        self.assertEqual(ends, [LOST])
        self.assertEqual(self.take_loud(), [])

    def test_f03_what_the_handler_catches_is_not_logged(self):
        async def handler(ws):
            ws.ping()
            try:
                while True:
                    await ws.send(await ws.recv())
            except ConnectionClosed:
                pass

        both = self.join(handler)
        both.client.send("hello")
        both.pump()
        both.drop()
        gc.collect()
        self.assertEqual(self.take_loud(), [])

    def test_f17_a_handler_that_returns_closes_with_1000(self):
        async def handler(ws):
            pass

        both = self.join(handler)
        self.assertEqual(str(both.client.lost[0]), "received 1000 (OK); then sent 1000 (OK)")
        self.assertIsInstance(both.client.lost[0], ConnectionClosedOK)

    def test_f17_a_handler_that_raises_closes_with_1011_and_no_detail(self):
        async def handler(ws):
            raise ValueError("secret")

        both = self.join(handler)
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], "connection handler failed")
        self.assertEqual(event["log_namespace"], "txws2.server")
        self.assertEqual((both.client.close_code, both.client.close_reason), (1011, ""))
        self.assertNotIn(b"secret", both.server_transport.written)


@implementer(IListeningPort)
class Port:
    """A port that listens nowhere."""

    def stopListening(self):
        return None


class Stopping:
    """Row 18."""

    def start(self, handler=None, **options):
        self.factory = WebSocketServerFactory(
            handler, create_protocol=RecordedServer, reactor=self.clock, **options
        )
        self.server = Server(self.factory, [Port()])

    def connect(self):
        return self.meet(self.factory)

    def test_f18_the_open_get_1001_and_the_server_waits_for_them(self):
        self.start()
        pairs = [self.connect() for _ in range(3)]
        closing = self.server.close()
        for both in pairs:
            self.assertNoResult(closing)
            both.pump()
            self.assertEqual(both.client.close_code, 1001)
        self.assertEqual(self.successResultOf(closing), None)
        self.assertEqual(self.clock.getDelayedCalls()[1:], [])

    def test_f18_those_opening_get_503(self):
        self.start()
        peer = Peer()
        both = self.link(self.factory.buildProtocol(None), peer)
        both.pump()
        peer.transport.write(REQUEST[:20])
        both.pump()
        closing = self.server.close()
        both.pump()
        self.assertTrue(peer.take().startswith(b"HTTP/1.1 503 Service Unavailable\r\n"))
        # Only without anything in between does it show that the server closes for writing
        # first.
        self.assertTrue(peer.lost if self.ways else peer.ended)
        peer.transport.loseConnection()
        both.pump()
        self.successResultOf(closing)

    def test_f18_neither_does_one_that_goes_on_reading_slowly(self):
        self.start(compression=None)
        both = self.connect()
        for _ in range(100):
            both.server.sendMessage(bytes(2**16))
        end, peer = both.server_transport, both.client_transport
        closing = self.server.close()
        for _ in range(9):
            peer.paused = False
            end.step()
            peer.paused = True
            both.advance(1)
        self.assertNoResult(closing)
        both.advance(1)
        self.assertEqual(len(both.server.lost), 1)
        self.successResultOf(closing)
        self.assertEqual(self.clock.getDelayedCalls()[1:], [])

    def test_f18_a_peer_that_says_nothing_holds_it_up_for_close_timeout_at_most(self):
        self.start()
        both = self.connect()
        both.vanish()
        closing = self.server.close()
        both.advance(9)
        self.assertNoResult(closing)
        both.advance(1)
        self.successResultOf(closing)
        self.assertEqual(len(both.server.lost), 1)

    def test_f18_a_handler_that_does_not_notice_is_cancelled(self):
        for_ever = Deferred()
        self.start(lambda ws: for_ever)
        both = self.connect()
        closing = self.server.close()
        both.pump()
        both.advance(9)
        self.assertNoResult(closing)
        both.advance(1)
        self.successResultOf(closing)
        self.assertTrue(for_ever.called)
        self.assertEqual(self.factory.running, set())

    def test_f18_without_a_close_timeout_it_waits_for_ever(self):
        finish = Deferred()
        self.start(lambda ws: finish, close_timeout=None)
        both = self.connect()
        closing = self.server.close()
        both.pump()
        both.advance(1000)
        self.assertNoResult(closing)
        finish.callback(None)
        self.successResultOf(closing)

    def test_f18_a_handler_that_is_done_is_not_missed_when_its_connection_hangs(self):
        finish = Deferred()
        self.start(lambda ws: finish)
        both = self.connect()
        both.vanish()
        finish.callback(None)
        closing = self.server.close()
        both.advance(10)
        self.successResultOf(closing)
        gc.collect()
        self.assertEqual(self.take_loud(), [])

    def test_f18_a_handler_that_minds_being_cancelled_is_not_waited_for(self):
        async def stubborn(ws):
            for _ in range(2):
                with contextlib.suppress(CancelledError):
                    await Deferred()

        self.start(stubborn)
        both = self.connect()
        closing = self.server.close()
        both.advance(10)
        self.successResultOf(closing)
        self.assertEqual(both.client.close_code, 1001)

    def test_f18_one_that_was_refused_already_is_refused_once(self):
        self.start()
        peer = Peer()
        both = self.link(self.factory.buildProtocol(None), peer)
        both.pump()
        peer.transport.write(b"nonsense\r\n\r\n")
        both.pump()
        closing = self.server.close()
        both.advance(10)
        self.successResultOf(closing)
        self.assertEqual(peer.take().count(b"HTTP/1.1 "), 1)


class HandlerTests(Handlers, ServingTestCase):
    pass


class HandlerOverTLSTests(OverTLS, Handlers, ServingTestCase):
    pass


class HandlerThroughProxyTests(ThroughProxy, Handlers, ServingTestCase):
    pass


class HandlerOverTLSThroughProxyTests(OverTLSThroughProxy, Handlers, ServingTestCase):
    pass


class StoppingTests(Stopping, ServingTestCase):
    pass


class StoppingOverTLSTests(OverTLS, Stopping, ServingTestCase):
    pass


class StoppingThroughProxyTests(ThroughProxy, Stopping, ServingTestCase):
    pass


class StoppingOverTLSThroughProxyTests(OverTLSThroughProxy, Stopping, ServingTestCase):
    pass
