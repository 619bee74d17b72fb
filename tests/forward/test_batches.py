from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from tests.transport.test_socket_writer import Transport
from txws2._transport.socket_writer import WriteThrough
from txws2.forward.batches import write_batch
from txws2.streams.codecs import Base64, Binary

LARGE = bytes(64 * 1024)


class WriteBatchTests(SynchronousTestCase):
    def setUp(self):
        self.transport = Transport()
        self.outbox = WriteThrough(self.transport, None)

    def write(self, *messages, codec=None):
        """Write messages; return the close code for a wrong one, None for none."""
        wrong = write_batch(self.outbox, list(messages), codec or Binary())
        return None if wrong is None else wrong[0]

    def assertWritten(self, data, calls):
        """Check what the socket got, and how often it was given pieces."""
        socket = self.transport.socket
        self.assertEqual((socket.sent, socket.calls), (data, calls))

    def test_large_messages_are_not_joined(self):
        self.assertIsNone(self.write(LARGE, LARGE))
        self.assertWritten(LARGE * 2, 1)

    def test_small_messages_are_joined(self):
        self.assertIsNone(self.write(b"a", LARGE, b"b"))
        self.assertWritten(b"a" + LARGE + b"b", 0)

    def test_a_text_message_ends_the_batch(self):
        for before in b"a", LARGE:
            self.setUp()
            self.assertEqual(self.write(before, "text", b"after"), 1003)
            self.assertWritten(before, 0)

    def test_base64_is_decoded(self):
        self.assertIsNone(self.write(b64encode(LARGE).decode(), "YQ==", codec=Base64()))
        self.assertWritten(LARGE + b"a", 0)

    def test_wrong_base64_ends_the_batch(self):
        self.assertEqual(self.write("YQ==", "?", "Yg==", codec=Base64()), 1007)
        self.assertWritten(b"a", 0)

    def test_empty_messages_are_nothing(self):
        self.transport.socket.send = None
        self.assertIsNone(self.write(b"", b""))
