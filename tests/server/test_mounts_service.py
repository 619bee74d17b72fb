"""`WebSocketService` with a `Mounts`, as twistd runs it."""

from functools import partial

from twisted.logger import capturedLogs, formatEvent

from tests.server.test_mounts import MountsTestCase, at
from tests.server.test_mounts_stop import Slow
from tests.support.sides import CLOSE, TEXT, closing
from tests.support.website import PAGE, frame
from txws2 import Mounts, WebSocketServerFactory, WebSocketService
from txws2.server.mounts import with_paths
from txws2.server.server import listen_at


class ServiceTests(MountsTestCase):
    """`WebSocketService` with a `Mounts`, as twistd runs it."""

    def start(self, *paths, drain=0, **options):
        self.mount(*paths, site=self.root, **options)
        with capturedLogs() as self.logged:
            self.service = WebSocketService("tcp:8000", self.mounts, drain=drain)
            self.service.privilegedStartService()
            self.service.startService()
        self.port = self.clock.tcpServers[-1]
        self.assertIs(self.port[1], self.mounts)
        self.mounts.doStart()
        self.addCleanup(self.finish)

    def finish(self):
        if self.mounts.numPorts:
            self.mounts.doStop()

    def open_at(self, path):
        self.connect()
        self.open(at(path))
        return self.ws, self.joined

    def test_it_listens_with_it(self):
        self.start("/")
        lines = [formatEvent(event) for event in self.logged]
        self.assertIn("listening on http://0.0.0.0:8000/", lines)
        self.assertEqual(len(self.service.addresses), 1)

    def test_without_a_site_its_address_is_that_of_a_websocket(self):
        with capturedLogs() as logged:
            WebSocketService("tcp:8000", Mounts({"/": self.factory()})).startService()
        self.assertIn("listening on ws://0.0.0.0:8000/", [formatEvent(event) for event in logged])

    def test_without_a_site_its_address_has_the_paths_that_there_are(self):
        with capturedLogs() as logged:
            mounts = Mounts({"/a": self.factory(), "/b": self.factory()})
            WebSocketService("tcp:8000", mounts).startService()
            shown = partial(with_paths, factory=mounts)
            listen_at(self.clock, mounts, None, 8001, None, mounts.log, with_paths=shown)
        lines = [formatEvent(event) for event in logged]
        for port in 8000, 8001:
            self.assertIn(f"listening on ws://0.0.0.0:{port}/a, /b", lines)

    def test_it_has_the_connections_of_all_factories(self):
        self.start("/a", "/b")
        both = {self.open_at(b"/a")[0], self.open_at(b"/b")[0]}
        self.assertEqual(self.service.connections, both)

    def test_stopping_closes_all_of_them_and_waits(self):
        self.start("/a", "/b")
        (first, one), (second, other) = self.open_at(b"/a"), self.open_at(b"/b")
        stopping = self.service.stopService()
        one.pump()
        self.clock.advance(0)
        self.assertNoResult(stopping)
        for joined in one, other:
            joined.client.transport.write(frame(CLOSE, closing(1001)))
            joined.pump()
            joined.client.transport.loseConnection()
            joined.pump()
        self.clock.advance(0)
        self.successResultOf(stopping)
        self.assertEqual((first.close_code, second.close_code), (1001, 1001))
        self.assertEqual(self.service.connections, set())

    def test_stopping_waits_for_the_requests_that_the_site_has(self):
        page = Slow()
        self.root.putChild(b"slow", page)
        self.start("/chat")
        self.connect()
        self.receive(PAGE.replace(b"/page", b"/slow"))
        stopping = self.service.stopService()
        self.joined.pump()
        self.assertNoResult(stopping)
        page.finish()
        self.joined.pump()
        self.successResultOf(stopping)

    def test_a_connection_that_a_client_keeps_open_for_pages_holds_nobody(self):
        self.start("/chat")
        self.connect()
        self.assertSiteGoesOn()
        stopping = self.service.stopService()
        self.joined.pump()
        self.successResultOf(stopping)

    def test_with_drain_open_connections_go_on_and_new_ones_are_refused(self):
        self.start("/a", "/b", drain=60)
        ws, joined = self.open_at(b"/b")
        self.connect()
        stopping = self.service.stopService()
        self.joined.pump()
        self.assertStatus("503 Service Unavailable", b"")
        self.leave()
        self.assertEqual(ws.state.name, "OPEN")
        self.assertNoResult(stopping)
        self.clock.advance(61)
        self.assertEqual(ws.state.name, "CLOSING")
        joined.client.transport.loseConnection()
        joined.pump()
        self.successResultOf(stopping)

    def test_stopping_now_waits_for_nobody(self):
        self.root.putChild(b"slow", Slow())
        self.start("/chat")
        self.connect()
        self.receive(PAGE.replace(b"/page", b"/slow"))
        stopping = self.service.stopNow()
        self.joined.advance(0)
        self.successResultOf(stopping)
        self.joined.pump()
        self.assertFalse(self.server_end.connected)

    def test_it_can_be_started_again(self):
        self.start("/chat")
        self.service.stopService()
        self.service.startService()
        self.mounts.doStart()
        self.connect()
        self.assertSiteGoesOn()
        self.open()
        self.assertEqual(self.service.connections, {self.ws})

    def test_a_handler_may_wait_for_the_end(self):
        stopped = []

        async def stop(ws):
            await ws.recv()
            await self.service.stopService()
            stopped.append(True)

        self.mounts = Mounts({"/chat": WebSocketServerFactory(stop, reactor=self.clock)})
        self.service = WebSocketService("tcp:8000", self.mounts)
        self.service.startService()
        self.connect()
        self.open()
        self.hear((TEXT, b"stop"))
        self.receive(frame(CLOSE, closing(1001)))
        self.leave()
        self.clock.advance(0)
        self.assertEqual(stopped, [True])

    def serve_waiters(self, *paths, **options):
        """Serve handlers, each of which waits for the end of the service; return their ends."""
        ends = []

        def waiter(path):
            async def wait(ws):
                await ws.recv()
                await self.service.stopService()
                ends.append(path)

            return WebSocketServerFactory(wait, reactor=self.clock)

        self.mounts = Mounts({path: waiter(path) for path in paths})
        self.service = WebSocketService("tcp:8000", self.mounts, **options)
        self.service.startService()
        return ends

    def stop_by(self, *paths, **options):
        """Let a client at each of these paths ask for the end in turn; return the ends."""
        ends = self.serve_waiters(*dict.fromkeys(paths), **options)
        opened = []
        for path in paths:
            self.connect()
            self.receive(at(path.encode()))
            opened.append(self.joined)
        for both in opened:
            both.client.transport.write(frame(TEXT, b"stop"))
            both.pump()
        for both in opened:
            both.client.transport.write(frame(CLOSE, closing(1001)))
            both.pump()
            both.client.transport.loseConnection()
            both.pump()
        self.clock.advance(0)
        return ends

    def test_handlers_of_several_mounts_may_wait_for_the_end(self):
        for paths in ["/a", "/b"], ["/b", "/a"], ["/a", "/b", "/c"], ["/a", "/a", "/b", "/b"]:
            self.assertEqual(sorted(self.stop_by(*paths)), sorted(paths))
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_so_they_may_while_others_drain(self):
        self.assertEqual(sorted(self.stop_by("/a", "/b", drain=None)), ["/a", "/b"])

    def test_a_factory_takes_no_further_options(self):
        mounts = Mounts({"/": self.factory()})
        self.assertRaises(TypeError, WebSocketService, "tcp:80", mounts, max_size=3)
