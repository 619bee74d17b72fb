"""`async with` closes a connection on leaving, by whichever call it was opened."""

from twisted.internet.defer import CancelledError, Deferred

from tests.support.servers import Servers
from tests.support.sides import CLOSE, TEXT, URI, ClientSide, QuietTestCase, ServerSide, closing
from tests.support.ways import OverTLS
from txws2.client.connections import connect
from txws2.client.protocol import WebSocketClientProtocol
from txws2.testing import joined


async def enter(entered, inside):
    """Leave the connection's context when this Deferred fires; return the connection."""
    async with entered as ws:
        await inside
    return ws


class LeavingTests:
    def start(self):
        ws = self.open()
        self.inside = Deferred()
        self.running = Deferred.fromCoroutine(enter(ws, self.inside))
        return ws

    def leave(self):
        """Complete the closing handshake that leaving begins."""
        self.assertEqual(self.said(), [(CLOSE, closing(1000))])
        self.assertNoResult(self.running)
        self.hear((CLOSE, closing(1000)))
        self.joined.drop()

    def test_it_is_entered_as_it_is(self):
        ws = self.start()
        ws.sendMessage("hello")
        self.assertEqual(self.said(), [(TEXT, b"hello")])
        self.assertNoResult(self.running)
        self.inside.callback(None)
        self.leave()

    def test_leaving_closes_it_and_waits(self):
        ws = self.start()
        self.inside.callback(None)
        self.leave()
        self.assertIs(self.successResultOf(self.running), ws)
        self.assertEqual(ws.close_code, 1000)

    def test_an_exception_closes_it_likewise_and_goes_on(self):
        self.start()
        self.inside.errback(KeyError())
        self.leave()
        self.failureResultOf(self.running, KeyError)

    def test_a_cancellation_closes_it_likewise_and_goes_on(self):
        self.start()
        self.running.cancel()
        self.leave()
        self.failureResultOf(self.running, CancelledError)

    def test_one_that_is_closed_already_is_just_left(self):
        self.start()
        self.joined.drop()
        self.inside.callback(None)
        self.successResultOf(self.running)


class ServerLeavingTests(LeavingTests, ServerSide):
    pass


class ClientLeavingTests(LeavingTests, ClientSide):
    pass


class ClientLeavingOverTLSTests(OverTLS, LeavingTests, ClientSide):
    pass


class HandlerTests(QuietTestCase):
    def test_a_handler_may_close_its_connection_so(self):
        async def handler(ws):
            async with ws:
                await ws.send(await ws.recv())

        both = self.enterContext(joined(handler=handler))
        both.client.sendMessage("hello")
        self.assertEqual(both.result_of(both.client.recv()), "hello")
        both.result_of(both.client.wait_closed())
        self.assertEqual(both.client.close_code, 1000)


class ConnectTests(QuietTestCase):
    def connect(self, create_protocol=WebSocketClientProtocol):
        self.servers = Servers(self.clock)
        options = {"endpoint": self.servers, "reactor": self.clock}
        return connect(URI, create_protocol=create_protocol, **options)

    async def with_await(self, connecting, inside):
        async with await connecting as ws:
            await inside
        return ws

    def test_async_with_await_connect_closes_as_async_with_connect_does(self):
        for end in "callback", "errback":
            for run in enter, self.with_await:
                inside = Deferred()
                running = Deferred.fromCoroutine(run(self.connect(), inside))
                self.servers.open()
                getattr(inside, end)(None if end == "callback" else KeyError())
                self.assertEqual(self.servers.heard(), [(CLOSE, closing(1000))])
                self.servers.close()
                if end == "callback":
                    self.assertEqual(self.successResultOf(running).close_code, 1000)
                else:
                    self.failureResultOf(running, KeyError)

    def test_a_method_close_of_the_applications_own_is_not_mistaken_for_it(self):
        class Door(WebSocketClientProtocol):
            def close(self):
                raise AssertionError("it is called")

        for run in enter, self.with_await:
            inside = Deferred()
            running = Deferred.fromCoroutine(run(self.connect(Door), inside))
            self.servers.open()
            inside.callback(None)
            self.assertEqual(self.servers.heard(), [(CLOSE, closing(1000))])
            self.servers.close()
            self.successResultOf(running)
