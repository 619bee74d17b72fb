"""python -m twisted.trial test_chat_trial"""

from chat import Parrot, Room
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txws2 import WebSocketServerFactory
from txws2.testing import Frame, Opcode, joined, opened


class RoomTests(SynchronousTestCase):
    def setUp(self):
        self.room = Room()
        self.alice = self.enterContext(joined(self.room.handler))
        self.bob = self.enterContext(joined(self.room.handler))

    def test_everybody_hears_what_somebody_says(self):
        self.alice.client.sendMessage("hello")
        self.alice.pump()
        self.bob.pump()
        self.assertEqual(self.successResultOf(self.alice.client.recv()), "hello")
        self.assertEqual(self.successResultOf(self.bob.client.recv()), "hello")

    def test_a_silent_visitor_has_to_leave_after_a_minute(self):
        self.alice.advance(59)
        self.assertIsNone(self.alice.client.close_code)
        self.alice.advance(1)
        self.assertEqual(self.alice.client.close_code, 4000)

    def test_a_visitor_that_has_gone_is_no_longer_here(self):
        self.alice.drop()
        self.assertEqual(self.room.here, {self.bob.server})


class ParrotTests(SynchronousTestCase):
    def test_it_says_everything_twice(self):
        factory = WebSocketServerFactory(create_protocol=Parrot, reactor=Clock())
        transport = opened(factory.buildProtocol(None))
        transport.feed(Opcode.TEXT, b"hello")
        self.assertEqual(transport.frames(), [Frame(Opcode.TEXT, b"hello")] * 2)
