"""The parts of a connection go with it, and don't wait for the garbage collector."""

import gc

from twisted.internet.defer import Deferred

from tests.support.implementations import counts_references
from tests.support.sides import CLOSE, TEXT, ClientSide, ServerSide, closing
from txws2.client.driver import ClientDriver
from txws2.client.handshake import ClientHandshake
from txws2.client.protocol import WebSocketClientProtocol
from txws2.server.driver import ServerDriver
from txws2.server.factory import WebSocketServerFactory, WebSocketServerProtocol
from txws2.server.handshake import ServerHandshake
from txws2.wire.connection import Connection

_PARTS = {ClientDriver, ClientHandshake, Connection, ServerDriver, ServerHandshake}


def parts():
    return [each for each in gc.get_objects() if type(each) in _PARTS]


@counts_references
class CycleTests:
    def setUp(self):
        super().setUp()
        gc.collect()
        self.addCleanup(gc.enable)
        gc.disable()
        self.before = len(parts())

    def assertFreed(self):
        self.assertGreater(len(parts()), self.before)
        self.joined.drop()
        self.assertEqual(len(self.factory.connections), 0)
        self.forget()
        self.assertEqual(len(parts()), self.before)

    def forget(self):
        """Let go of everything that tests keep."""
        self.events.clear()
        # The transports have each other.
        self.ours.protocol = self.ours.producer = None
        del self.ws, self.peer, self.joined

    def test_a_connection_that_sends_and_ends_leaves_no_cycle(self):
        self.open(self.pull)
        self.ws.sendMessage("x")
        self.assertFreed()

    def test_a_connection_whose_messages_wait_at_the_end_leaves_no_cycle(self):
        self.open(self.pull)
        self.hear((TEXT, b"x"))
        self.assertFreed()

    def test_a_connection_with_a_reader_at_the_end_leaves_no_cycle(self):
        self.open(self.pull)
        receiving = self.ws.recv()
        self.ws.recv_streaming()
        self.joined.drop()
        self.failureResultOf(receiving)
        self.failureResultOf(self.ws.recv())
        self.assertFreed()

    def test_a_connection_that_ends_amid_a_message_leaves_no_cycle(self):
        self.open(self.pull)
        self.hear((TEXT, b"x", False))
        self.assertFreed()

    def test_a_paused_connection_leaves_no_cycle(self):
        self.open(self.pull)
        self.ws.pauseProducing()
        self.assertFreed()

    def test_a_connection_closed_by_both_sides_leaves_no_cycle(self):
        self.open(self.pull)
        closed = self.ws.close()
        self.hear((CLOSE, closing(1000)))
        self.joined.drop()
        self.successResultOf(closed)
        self.assertFreed()

    def test_a_connection_whose_last_hook_takes_a_while_leaves_no_cycle(self):
        going = Deferred()
        waiting = [going]

        class Slow(self.pull):
            def connectionLost(self, reason):
                return waiting.pop()

        self.open(Slow)
        self.joined.drop()
        self.forget()
        self.assertGreater(len(parts()), self.before)
        going.callback(None)
        self.assertEqual(len(parts()), self.before)


class ServerCycleTests(CycleTests, ServerSide):
    pull = WebSocketServerProtocol

    def test_a_connection_that_a_hook_has_admitted_leaves_no_cycle(self):
        async def let_in(ws, request):
            return None

        for hook in lambda *_: None, let_in:
            self.open(self.pull, process_request=hook)
            self.assertFreed()

    def test_a_connection_whose_handler_ends_with_it_leaves_no_cycle(self):
        async def handler(ws):
            await ws.recv()

        self.make_factory = lambda *_: WebSocketServerFactory(handler, reactor=self.clock)
        self.open()
        self.assertFreed()

    def test_a_connection_that_a_hook_has_refused_leaves_no_cycle(self):
        self.open(self.pull, process_request=lambda ws, _: ws.respond(403, "no"))
        self.assertFreed()


class ClientCycleTests(CycleTests, ClientSide):
    pull = WebSocketClientProtocol
