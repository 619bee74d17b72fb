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

    def test_of_one_that_sends_and_ends(self):
        self.open(self.pull)
        self.ws.sendMessage("x")
        self.assertFreed()

    def test_of_one_whose_messages_wait_at_the_end(self):
        self.open(self.pull)
        self.hear((TEXT, b"x"))
        self.assertFreed()

    def test_of_one_that_somebody_receives_from_at_the_end(self):
        self.open(self.pull)
        receiving = self.ws.recv()
        self.ws.recv_streaming()
        self.joined.drop()
        self.failureResultOf(receiving)
        self.failureResultOf(self.ws.recv())
        self.assertFreed()

    def test_of_one_in_the_middle_of_a_message(self):
        self.open(self.pull)
        self.hear((TEXT, b"x", False))
        self.assertFreed()

    def test_of_one_that_is_paused(self):
        self.open(self.pull)
        self.ws.pauseProducing()
        self.assertFreed()

    def test_of_one_that_was_closed_on_both_sides(self):
        self.open(self.pull)
        closed = self.ws.close()
        self.hear((CLOSE, closing(1000)))
        self.joined.drop()
        self.successResultOf(closed)
        self.assertFreed()

    def test_of_one_whose_last_hook_takes_a_while(self):
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

    def test_of_one_that_a_hook_has_let_in(self):
        async def let_in(ws, request):
            return None

        for hook in lambda *_: None, let_in:
            self.open(self.pull, process_request=hook)
            self.assertFreed()

    def test_of_one_whose_handler_ends_with_it(self):
        async def handler(ws):
            await ws.recv()

        self.make_factory = lambda *_: WebSocketServerFactory(handler, reactor=self.clock)
        self.open()
        self.assertFreed()

    def test_of_one_that_a_hook_has_refused(self):
        self.open(self.pull, process_request=lambda ws, _: ws.respond(403, "no"))
        self.assertFreed()


class ClientCycleTests(CycleTests, ClientSide):
    pull = WebSocketClientProtocol
