from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.twins import in_c, pure
from txws2.wire.frames import BINARY, TEXT, encode_frame, parse_header
from txws2.wire.masking import apply_mask
from txws2.wire.whole_messages import encode_message

SIZES = (0, 1, 2, 7, 8, 9, 124, 125, 126, 127, 128, 129, 255, 256, 65534, 65535, 65536, 65537)


class EncodeMessageTests(TestCase):
    encode_message = pure("encode_message")

    def test_a_str_is_text_and_bytes_are_binary(self):
        self.assertEqual(self.encode_message("Hello", False), b"\x81\x05Hello")
        self.assertEqual(self.encode_message("é", False), b"\x81\x02\xc3\xa9")
        self.assertEqual(self.encode_message(b"\xff", False), b"\x82\x01\xff")

    def test_all_sizes(self):
        for size in SIZES:
            for message in ("x" * size, b"x" * size, "é" + "x" * (size - 2)):
                text = isinstance(message, str)
                payload = message.encode() if text else message
                opcode = TEXT if text else BINARY
                expected = encode_frame(opcode, payload, masked=False)
                self.assertEqual(self.encode_message(message, False), expected)
                frame = self.encode_message(message, True)
                header = parse_header(frame, 0, masked=True, fragmented=False)
                self.assertEqual((header.fin, header.rsv1), (True, False))
                self.assertEqual((header.opcode, header.length), (opcode, len(payload)))
                self.assertEqual(apply_mask(frame[header.end :], header.mask), payload)

    def test_every_kind_of_text(self):
        for text in ("\x7f", "\x80", "\xff", "€", "\U0001f984", "\0"):
            payload = text.encode()
            expected = bytes([0x81, len(payload)]) + payload
            self.assertEqual(self.encode_message(text, False), expected)

    def test_each_frame_has_a_key_of_its_own(self):
        """Attack 18: a mask that can be predicted."""
        frames = {self.encode_message("Hello", True) for _ in range(16)}
        self.assertGreater(len(frames), 1)

    def test_subclasses_are_messages(self):
        class Text(str):
            __slots__ = ()

        class Binary(bytes):
            __slots__ = ()

        self.assertEqual(self.encode_message(Text("a"), False), b"\x81\x01a")
        self.assertEqual(self.encode_message(Binary(b"a"), False), b"\x82\x01a")

    def test_text_is_utf8(self):
        for text in ("\ud800", "good \udfff"):
            for masked in (False, True):
                exc = self.assertRaises(UnicodeEncodeError, self.encode_message, text, masked)
                expected = self.assertRaises(UnicodeEncodeError, text.encode)
                self.assertEqual(exc.args, expected.args)

    def test_nothing_else_is_a_message(self):
        for message in (7, None, ["a"], bytearray(b"a"), memoryview(b"a")):
            exc = self.assertRaises(TypeError, self.encode_message, message, False)
            expected = f"a message is str or bytes, not {type(message).__name__}"
            self.assertEqual(str(exc), expected)
        self.assertRaises(TypeError, self.encode_message, "a")
        self.assertRaises(TypeError, self.encode_message, "a", False, False)


@in_c
class EncodeMessageInCTests(EncodeMessageTests):
    encode_message = staticmethod(encode_message)
