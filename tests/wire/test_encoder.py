from twisted.trial.unittest import SynchronousTestCase as TestCase

from txws2.exceptions import InvalidState
from txws2.wire.deflater import Deflater
from txws2.wire.encoder import MessageEncoder
from txws2.wire.frames import BINARY, CONT, TEXT

HELLO = bytes.fromhex("f248cdc9c90700")
AGAIN = bytes.fromhex("f200110000")
FLUSHED = bytes.fromhex("f248cdc9c907000000ffff")


def compressing(threshold=0):
    return MessageEncoder(Deflater(15, True, 6, 5), threshold)


class WholeTests(TestCase):
    def encoded(self, message, text=None, compress=None):
        return MessageEncoder().whole(message, text, compress)

    def test_a_str_is_text_and_bytes_are_binary(self):
        self.assertEqual(self.encoded("é"), (TEXT, b"\xc3\xa9", False))
        self.assertEqual(self.encoded(b"\xff"), (BINARY, b"\xff", False))

    def test_unless_it_is_said_otherwise(self):
        self.assertEqual(self.encoded("é", False), (BINARY, b"\xc3\xa9", False))
        self.assertEqual(self.encoded(b"\xc3\xa9", True), (TEXT, b"\xc3\xa9", False))
        self.assertEqual(self.encoded("a", True), (TEXT, b"a", False))
        self.assertEqual(self.encoded(b"a", False), (BINARY, b"a", False))

    def test_all_that_is_like_bytes_may_be_sent(self):
        for message in (bytearray(b"ab"), memoryview(b"ab"), memoryview(b"axb")[::2]):
            for text, opcode in ((None, BINARY), (True, TEXT)):
                found = self.encoded(message, text)
                self.assertEqual(found, (opcode, b"ab", False))
                self.assertIsInstance(found[1], bytes)

    def test_text_is_utf8(self):
        for message, text in ((b"\xff", True), ("\ud800", None), ("\ud800", False)):
            self.assertRaises(UnicodeError, self.encoded, message, text)

    def test_nothing_else_is_a_message(self):
        exc = self.assertRaises(TypeError, self.encoded, 7)
        self.assertEqual(
            str(exc), "a message is str or bytes-like, not int; str() makes a str of it"
        )


class CompressedTests(TestCase):
    def test_messages_are_compressed_from_the_threshold_on(self):
        encoder = compressing(5)
        self.assertEqual(encoder.whole("Hell", None, None), (TEXT, b"Hell", False))
        self.assertEqual(encoder.whole("Hello", None, None), (TEXT, HELLO, True))
        self.assertEqual(encoder.whole(b"Hello", None, None), (BINARY, AGAIN, True))

    def test_the_threshold_is_of_bytes(self):
        self.assertIs(compressing(5).whole("éé", None, None)[2], False)
        self.assertIs(compressing(4).whole("éé", None, None)[2], True)

    def test_unless_it_is_said_otherwise(self):
        encoder = compressing(5)
        self.assertEqual(encoder.whole("Hello", None, False), (TEXT, b"Hello", False))
        self.assertEqual(encoder.whole("", None, True), (TEXT, b"\x00", True))

    def test_unless_it_was_not_agreed(self):
        for compress in (None, True, False):
            found = MessageEncoder().whole("Hello", None, compress)
            self.assertEqual(found, (TEXT, b"Hello", False))

    def test_memory_is_given_back(self):
        MessageEncoder().rest()
        encoder = compressing()
        for rests, expected in ((0, HELLO), (1, AGAIN), (2, HELLO)):
            for _ in range(rests):
                encoder.rest()
            self.assertEqual(encoder.whole("Hello", None, None)[1], expected)


class PartsTests(TestCase):
    def test_the_first_says_what_it_is_and_the_others_go_on(self):
        for encoder in (MessageEncoder(), compressing()):
            for first, opcode in (("", TEXT), (b"", BINARY)):
                lasts = [False, False, True]
                found = [encoder.part(first, None, False, last) for last in lasts]
                self.assertEqual([part[0] for part in found], [opcode, CONT, CONT])
                self.assertEqual([part[1:] for part in found], [(b"", False)] * 3)

    def test_only_the_first_says_that_it_is_compressed(self):
        encoder = compressing(1000)
        self.assertEqual(encoder.part("Hello", None, None, False), (TEXT, FLUSHED, True))
        self.assertEqual(encoder.part("Hello", None, None, True), (CONT, AGAIN, False))
        opcode, _, compressed = encoder.part("Hello", None, None, True)
        self.assertEqual((opcode, compressed), (TEXT, True))

    def test_the_first_decides_whether_to_compress(self):
        encoder = compressing()
        for compress in (True, False):
            found = encoder.part("Hello", None, compress, False)
            self.assertEqual(found[2], compress)
            found = encoder.part("Hello", None, not compress, True)
            self.assertEqual(found[1] == b"Hello", not compress)

    def test_unless_it_was_agreed_nothing_is_compressed(self):
        for compress in (None, True, False):
            found = MessageEncoder().part("Hello", None, compress, True)
            self.assertEqual(found, (TEXT, b"Hello", False))

    def test_all_are_of_one_kind(self):
        for first, text, second in (("a", None, b"b"), (b"a", None, "b"), (b"a", True, b"b")):
            encoder = MessageEncoder()
            encoder.part(first, text, None, False)
            exc = self.assertRaises(TypeError, encoder.part, second, None, None, False)
            message = "the parts of a message are all str, or all bytes-like"
            self.assertEqual(str(exc), message)
            self.assertEqual(encoder.part(first, text, None, True)[0], CONT)

    def test_a_wrong_part_changes_nothing(self):
        encoder = MessageEncoder()
        for _ in range(2):
            self.assertRaises(UnicodeError, encoder.part, "\ud800", None, None, False)
            self.assertRaises(TypeError, encoder.part, None, None, None, True)
            opcode = encoder.part("a", None, None, False)[0]
        self.assertEqual(opcode, CONT)

    def test_no_other_message_comes_between(self):
        encoder = compressing()
        encoder.part("a", None, None, False)
        exc = self.assertRaises(InvalidState, encoder.whole, "b", None, None)
        self.assertEqual(str(exc), "a fragmented message is being sent; send its last part first")
        encoder.part("a", None, None, True)
        self.assertEqual(encoder.whole("b", None, False), (TEXT, b"b", False))


class ApartTests(TestCase):
    def test_it_is_encoded_as_any_message_but_refers_to_none(self):
        encoder = compressing()
        for _ in range(2):
            self.assertEqual(encoder.apart("Hello", None, None), (TEXT, HELLO, True))
            self.assertEqual(encoder.apart(b"Hello", None, False), (BINARY, b"Hello", False))
        self.assertEqual(MessageEncoder().apart("Hello", None, True), (TEXT, b"Hello", False))
        self.assertEqual(compressing(6).apart("Hello", None, None), (TEXT, b"Hello", False))

    def test_the_next_message_refers_to_nothing_before_it(self):
        encoder = compressing()
        encoder.whole("Hello", None, None)
        encoder.sent_apart(True)
        self.assertEqual(encoder.whole("Hello", None, None), (TEXT, HELLO, True))
        encoder.sent_apart(False)
        self.assertEqual(encoder.whole("Hello", None, None), (TEXT, AGAIN, True))

    def test_it_must_not_come_amid_a_message(self):
        encoder = MessageEncoder()
        encoder.part("a", None, None, False)
        self.assertRaises(InvalidState, encoder.sent_apart, False)

    def test_the_kind_is_how_they_compress(self):
        self.assertEqual(MessageEncoder().kind, MessageEncoder(None, 5).kind)
        self.assertEqual(compressing().kind, compressing().kind)
        self.assertEqual(len({MessageEncoder().kind, compressing().kind, compressing(1).kind}), 3)
