from unittest import mock

from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.both_ends import frames_in
from txws2.wire.deflater import Deflater
from txws2.wire.encoder import MessageEncoder
from txws2.wire.frames import BINARY, TEXT
from txws2.wire.shared_message import SharedMessage


def encoder(level=6):
    return MessageEncoder(Deflater(15, True, level, 8))


class SharedMessageTests(TestCase):
    def test_it_is_encoded_once_for_each_kind(self):
        shared = SharedMessage("x" * 100)
        with mock.patch.object(MessageEncoder, "apart", autospec=True) as apart:
            apart.return_value = TEXT, b"encoded", True
            frames = [shared.encoded(encoder(level)) for level in (6, 6, 7, 6, 7)]
        self.assertEqual(apart.call_count, 2)
        self.assertEqual(frames, [(b"\xc1\x07encoded", True)] * 5)

    def test_it_may_be_text_or_binary(self):
        for message, text, opcode in (
            ("a", None, TEXT),
            ("a", False, BINARY),
            (b"a", None, BINARY),
            (b"a", True, TEXT),
            (bytearray(b"a"), None, BINARY),
        ):
            frame, compressed = SharedMessage(message, text).encoded(MessageEncoder())
            self.assertEqual(frames_in(frame, masked=False), [(opcode, b"a")])
            self.assertFalse(compressed)

    def test_a_wrong_message_is_refused_at_once(self):
        self.assertRaises(TypeError, SharedMessage, 5)
        self.assertRaises(UnicodeError, SharedMessage, "\ud800")
