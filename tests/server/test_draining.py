"""A server, a service, a resource and `twistd ws` let open connections finish."""

import signal

from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.testing import MemoryReactorClock

from tests.server.test_contract_serving import Port
from tests.support.sides import CLOSE, REQUEST, TEXT, Peer, QuietTestCase, RecordedClient, closing
from tests.support.website import SiteTestCase
from tests.test_tap import TapTestCase
from txws2._command.services import TwistdService
from txws2.exceptions import ProtocolError, TooManyConnections
from txws2.server.factory import WebSocketServerFactory
from txws2.server.server import Server
from txws2.server.service import WebSocketService
from txws2.tap import CannotStart
from txws2.testing import Joined, joined


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class DrainTestCase(QuietTestCase):
    def assertEchoes(self, both):
        both.client.send("hello")
        both.pump()
        self.assertEqual(self.successResultOf(both.client.recv()), "hello")

    def close(self, both):
        both.client.close()
        both.pump()


class ServerTests(DrainTestCase):
    def start(self, handler=echo, **options):
        self.factory = WebSocketServerFactory(handler, reactor=self.clock, **options)
        self.port = Port()
        self.server = Server(self.factory, [self.port])

    def connect(self):
        return joined(self.factory, client=RecordedClient)

    def test_those_that_are_open_go_on_for_as_long_as_they_like(self):
        self.start(close_timeout=3)
        pairs = [self.connect() for _ in range(2)]
        closed = self.server.close(close_connections=False)
        self.assertFalse(self.server.is_serving())
        for both in pairs:
            both.advance(15)
            self.assertEchoes(both)
            self.assertNoResult(closed)
            self.close(both)
            self.assertEqual(both.client.close_code, 1000)
        self.successResultOf(closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_stops_listening_at_once(self):
        self.start()
        self.connect()
        stopped = []
        self.port.stopListening = lambda: stopped.append(True)
        self.server.close(close_connections=False)
        self.server.close()
        self.assertEqual(stopped, [True])

    def test_those_opening_get_503(self):
        self.start()
        self.connect()
        peer = Peer()
        both = Joined(self.factory.buildProtocol(None), peer, self.clock)
        peer.transport.write(REQUEST[:20])
        both.pump()
        self.server.close(close_connections=False)
        both.pump()
        self.assertTrue(peer.take().startswith(b"HTTP/1.1 503 Service Unavailable\r\n"))

    def test_to_close_it_once_more_closes_those_that_are_left(self):
        self.start()
        left, gone = self.connect(), self.connect()
        closed = self.server.close(close_connections=False)
        self.close(gone)
        again = self.server.close(code=1000, reason="enough")
        self.assertNoResult(again)
        left.pump()
        self.assertEqual((left.client.close_code, left.client.close_reason), (1000, "enough"))
        self.assertEqual(gone.client.close_code, 1000)
        self.successResultOf(closed)
        self.successResultOf(again)

    def test_to_let_them_finish_when_they_are_being_closed_changes_nothing(self):
        self.start()
        both = self.connect()
        self.server.close()
        closed = self.server.close(close_connections=False)
        both.pump()
        self.assertEqual(both.client.close_code, 1001)
        self.successResultOf(closed)

    def test_without_connections_it_is_closed_at_once(self):
        self.start()
        self.successResultOf(self.server.close(close_connections=False))
        self.successResultOf(self.server.wait_closed())

    def test_a_handler_that_goes_on_without_its_connection_has_close_timeout(self):
        """Attack 23."""
        cancelled = []
        for_ever = Deferred(cancelled.append)
        self.start(lambda ws: for_ever, close_timeout=3)
        both = self.connect()
        closed = self.server.close(close_connections=False)
        self.clock.advance(15)
        both.pump()
        self.assertEqual(cancelled, [])
        self.close(both)
        self.clock.advance(2)
        self.assertNoResult(closed)
        self.clock.advance(1)
        self.assertEqual(cancelled, [for_ever])
        self.successResultOf(closed)

    def test_a_code_that_may_not_travel_is_refused_and_harms_nothing(self):
        self.start()
        both = self.connect()
        self.assertRaises(ProtocolError, self.server.close, False, 1006)
        self.assertTrue(self.server.is_serving())
        self.assertEchoes(both)


class ServiceTests(DrainTestCase):
    def start(self, **options):
        self.clock = MemoryReactorClock()
        self.service = WebSocketService("tcp:80", echo, reactor=self.clock, **options)
        self.service.startService()

    def connect(self):
        return joined(self.service.factory, client=RecordedClient)

    def test_open_connections_have_some_time(self):
        self.start(drain=5)
        both = self.connect()
        stopped = self.service.stopService()
        both.advance(4)
        self.assertEchoes(both)
        both.advance(1)
        self.assertEqual(both.client.close_code, 1001)
        self.successResultOf(stopped)

    def test_when_all_have_ended_nobody_waits(self):
        self.start(drain=5)
        both = self.connect()
        stopped = self.service.stopService()
        self.close(both)
        self.assertEqual(both.client.close_code, 1000)
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_they_may_have_all_the_time(self):
        self.start(drain=None)
        both = self.connect()
        stopped = self.service.stopService()
        for _ in range(100):
            both.advance(10)
        self.assertEchoes(both)
        self.assertNoResult(stopped)
        self.close(both)
        self.successResultOf(stopped)

    def test_to_stop_it_again_closes_them(self):
        for drain in 5, None:
            self.start(drain=drain)
            both = self.connect()
            stopped, again = self.service.stopService(), self.service.stopService()
            self.assertNoResult(stopped)
            both.pump()
            self.assertEqual(both.client.close_code, 1001)
            self.successResultOf(stopped)
            self.successResultOf(again)

    def test_started_again_it_leaves_the_new_ones_alone(self):
        self.start(drain=5)
        old = self.connect()
        stopped = self.service.stopService()
        self.service.startService()
        new = self.connect()
        old.advance(5)
        self.successResultOf(stopped)
        self.assertEqual(old.client.close_code, 1001)
        new.pump()
        self.assertEchoes(new)

    def test_it_does_not_cancel_their_handlers(self):
        deferreds = [Deferred(), Deferred()]
        waiting = iter(deferreds)
        self.clock = MemoryReactorClock()
        self.service = WebSocketService(
            "tcp:80", lambda ws: next(waiting), reactor=self.clock, drain=5, close_timeout=3
        )
        self.service.startService()
        old = self.connect()
        self.service.stopService()
        self.service.startService()
        new = self.connect()
        old.advance(8)
        new.pump()
        self.assertEqual([deferred.called for deferred in deferreds], [True, False])

    def test_to_stop_now_waits_for_nobody_and_leaves_the_next_ones_alone(self):
        deferreds = [Deferred(), Deferred()]
        waiting = iter(deferreds)
        self.clock = MemoryReactorClock()
        self.service = WebSocketService("tcp:80", lambda ws: next(waiting), reactor=self.clock)
        self.service.startService()
        old = self.connect()
        stopped = self.service.stopNow()
        self.assertNoResult(stopped)
        self.clock.advance(0)
        self.successResultOf(stopped)
        self.service.startService()
        new = self.connect()
        # By this time, it would have been given up.
        self.clock.advance(10)
        old.pump()
        new.pump()
        self.assertFalse(self.service.factory.stopping)
        self.assertEqual([deferred.called for deferred in deferreds], [True, False])

    def test_to_stop_now_what_was_never_started_is_to_do_nothing(self):
        service = WebSocketService("tcp:80", None, reactor=self.clock)
        self.successResultOf(service.stopNow())

    def test_there_is_no_negative_time(self):
        for drain in -1, float("nan"):
            self.assertRaises(ValueError, self.start, drain=drain)


class ResourceTests(SiteTestCase):
    def test_open_connections_go_on_and_requests_are_503(self):
        resource = self.serve(echo)
        self.receive(REQUEST)
        self.assertIn(b" 101 ", self.peer.take())
        first, joined = self.peer, self.joined
        closed = resource.close(close_connections=False)
        self.connect()
        self.assertEqual(self.ask(REQUEST)[0], "503 Service Unavailable")
        self.peer, self.joined = first, joined
        self.hear((TEXT, b"hello"))
        self.assertEqual(self.said(), [(TEXT, b"hello")])
        self.assertNoResult(closed)
        self.hear((CLOSE, closing(1000)))
        self.successResultOf(closed)


class TwistdTests(TapTestCase):
    def stop(self, signals=1):
        for _ in range(signals):
            self.handlers[signal.SIGTERM](signal.SIGTERM, None)

    def start(self, *arguments):
        factory = super().start(*arguments)
        stop = self.reactor.stop

        def stop_service():
            if self.reactor.hasStopped:
                raise ReactorNotRunning
            stop()
            self.stopped = self.service.stopService()

        # twistd has the reactor call it like this.
        self.patch(self.reactor, "stop", stop_service)
        return factory

    def test_sigterm_lets_open_connections_finish_for_so_long(self):
        both = self.join_client(self.start("--drain=5"))
        self.stop()
        both.advance(4)
        self.assertIsNone(both.client.close_code)
        both.advance(1)
        self.assertEqual(both.client.close_code, 1001)
        self.successResultOf(self.stopped)

    def test_a_second_one_waits_for_nobody(self):
        for drain in "0", "5", "none":
            self.reactor.hasStopped = False
            self.reactor.tcpServers.clear()
            both = self.join_client(self.start(f"--drain={drain}", "--close-timeout=none"))
            self.stop(2)
            self.assertNoResult(self.stopped)
            self.reactor.advance(0)
            self.successResultOf(self.stopped)
            both.pump()
            self.assertEqual(both.client.close_code, 1001)

    def test_by_default_one_is_enough(self):
        both = self.join_client(self.start())
        self.stop()
        both.pump()
        self.assertEqual(both.client.close_code, 1001)
        self.successResultOf(self.stopped)

    def test_it_can_not_be_negative(self):
        error = self.assertRaises(CannotStart, self.make, "--drain=-1")
        self.assertIn("--drain must be a number of seconds, as 10", str(error))

    def test_limits_and_proxies_reach_the_factory(self):
        factory = self.start(
            "--max-connections=1",
            "--max-connections-per-host=none",
            "--trusted-proxy=unix",
            "--trusted-proxy=10.0.0.0/8",
        )
        self.assertIsInstance(self.service, TwistdService)
        self.join_client(factory)
        self.assertEqual(len(factory.connections), 1)
        self.assertRaises(TooManyConnections, factory.admission.enter, None, None)
        self.take_loud()

    def test_a_proxy_that_is_no_network_is_refused_in_one_line(self):
        error = self.assertRaises(CannotStart, self.make, "--trusted-proxy=example.com")
        self.assertIn("'example.com'", str(error))
