from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.both_ends import frames_in
from txws2.exceptions import InvalidState
from txws2.wire.connection import Connection
from txws2.wire.frames import TEXT
from txws2.wire.permessage_deflate import Deflate
from txws2.wire.shared_message import SharedMessage


class SharedTests(TestCase):
    """Messages that are sent on many connections."""

    message = "Hello " * 20

    def test_between_messages_of_its_own_with_takeover(self):
        server, client = (Connection(client=side, deflate=Deflate()) for side in (False, True))
        shared = SharedMessage(self.message)
        stream = server.send_message(self.message) + server.send_shared(shared)
        stream += server.send_shared(shared) + server.send_message(self.message)
        self.assertEqual(client.receive(stream), [self.message] * 4)

    def test_connections_of_one_kind_send_the_same_bytes(self):
        shared = SharedMessage(self.message)
        for deflate in (None, Deflate()):
            first, second = (Connection(client=False, deflate=deflate) for _ in range(2))
            first.send_message(self.message)
            self.assertIs(first.send_shared(shared), second.send_shared(shared))

    def test_a_client_masks_each(self):
        client = Connection(client=True)
        shared = SharedMessage("a")
        frames = client.send_shared(shared) + client.send_shared(shared)
        self.assertEqual(frames_in(frames, masked=True), [(TEXT, b"a")] * 2)
        self.assertNotEqual(frames[:7], frames[7:])

    def test_it_is_traced(self):
        seen = []
        server = Connection(client=False, trace=lambda *args: seen.append(args))
        server.send_shared(SharedMessage("a"))
        self.assertEqual(len(seen), 1)

    def test_it_can_t_be_sent_when_nothing_can(self):
        shared = SharedMessage("a")
        server = Connection(client=False)
        server.send_fragment("a", last=False)
        self.assertRaises(InvalidState, server.send_shared, shared)
        server.send_close(1000)
        self.assertRaises(InvalidState, server.send_shared, shared)
