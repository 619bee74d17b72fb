from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.wire import same_each_time
from txws2.exceptions import PayloadTooBig, ProtocolError
from txws2.wire.frames import BINARY, CONT, TEXT
from txws2.wire.messages import MessageAssembler, decode_text

# Attack 16: all kinds of what isn't UTF-8, up to the byte that shows it.
BAD = {
    "a continuation byte alone": b"\x80",
    "a byte that is in no UTF-8": b"\xff",
    "an overlong NUL": b"\xc0",
    "an overlong slash": b"\xe0\x80",
    "an overlong in four bytes": b"\xf0\x8f",
    "above U+10FFFF": b"\xf4\x90",
    "five bytes": b"\xf8",
    "a character broken off by another": b"\xe2\x82\x41",
}
SURROGATES = {"high": b"\xed\xa0", "the last high": b"\xed\xaf", "low": b"\xed\xb0"}


class DecodeTextTests(TestCase):
    def test_utf8_is_decoded(self):
        self.assertEqual(decode_text("κόσμε \U0010ffff".encode()), "κόσμε \U0010ffff")

    def test_what_is_not_utf8_is_refused(self):
        for kind, payload in (BAD | SURROGATES).items():
            exc = self.assertRaises(ProtocolError, decode_text, b"good " + payload)
            self.assertEqual((exc.code, str(exc)), (1007, "invalid UTF-8 in text message"), kind)
            self.assertIsInstance(exc.__cause__, UnicodeDecodeError)

    def test_a_character_must_be_whole(self):
        self.assertRaises(ProtocolError, decode_text, b"\xe2\x82")


class TextTests(TestCase):
    def assembled(self, *parts):
        message = MessageAssembler(None)
        message.begin(TEXT, sum(map(len, parts)))
        for part in parts:
            message.add(part)
        return message.finish()

    def test_text_is_a_str(self):
        self.assertEqual(self.assembled(b"Hel", b"lo"), "Hello")

    def test_no_parts_are_the_empty_text(self):
        self.assertEqual(self.assembled(), "")

    def test_a_character_may_be_in_two_parts(self):
        self.assertEqual(self.assembled(b"\xf0\x9f", b"", b"\xa6", b"\x84!"), "\U0001f984!")

    def test_line_ends_stay_as_they_are(self):
        self.assertEqual(self.assembled(b"a\r\nb\rc\n"), "a\r\nb\rc\n")

    def test_the_byte_that_shows_it_fails(self):
        for kind, bad in BAD.items():
            self.fails_at_the_last_byte(bad, kind)

    def test_a_surrogate_fails_at_its_second_byte(self):
        for kind, bad in SURROGATES.items():
            self.fails_at_the_last_byte(bad, kind)

    def fails_at_the_last_byte(self, bad, kind):
        message = MessageAssembler(None)
        message.begin(TEXT, 100)
        for at in range(len(bad) - 1):
            message.add(bad[at : at + 1])
        exc = self.assertRaises(ProtocolError, message.add, bad[-1:])
        self.assertEqual((exc.code, str(exc)), (1007, "invalid UTF-8 in text message"), kind)

    def test_the_codec_s_error_is_the_cause(self):
        exc = self.assertRaises(ProtocolError, self.assembled, b"\xff")
        self.assertIsInstance(exc.__cause__, UnicodeDecodeError)

    def test_the_last_character_before_the_surrogates_is_a_character(self):
        self.assertEqual(self.assembled(b"\xed", b"\x9f", b"\xbf"), "\ud7ff")

    def test_a_character_must_be_whole_at_the_end(self):
        exc = self.assertRaises(ProtocolError, self.assembled, b"\xe2\x82")
        self.assertEqual((exc.code, str(exc)), (1007, "invalid UTF-8 in text message"))
        self.assertIsInstance(exc.__cause__, UnicodeDecodeError)

    @same_each_time
    @given(st.text(), st.lists(st.integers(0, 100)))
    def test_any_parts_of_any_text(self, text, cuts):
        payload = text.encode()
        places = [0, *sorted(cuts), max([len(payload), *cuts])]
        parts = [payload[a:b] for a, b in pairwise(places)]
        self.assertEqual(self.assembled(*parts), text)


class BinaryTests(TestCase):
    def test_binary_is_bytes(self):
        message = MessageAssembler(None)
        message.begin(BINARY, 2)
        message.add(b"\xff")
        message.add(b"\xfe")
        found = message.finish()
        self.assertEqual(found, b"\xff\xfe")
        self.assertIsInstance(found, bytes)

    def test_no_parts_are_no_bytes(self):
        message = MessageAssembler(None)
        message.begin(BINARY, 0)
        self.assertEqual(message.finish(), b"")


class FragmentsTests(TestCase):
    def test_a_message_is_fragmented_from_its_begin_to_its_end(self):
        message = MessageAssembler(None)
        self.assertFalse(message.fragmented)
        message.begin(TEXT, 0)
        self.assertTrue(message.fragmented)
        message.finish()
        self.assertFalse(message.fragmented)

    def test_the_first_frame_decides_the_kind(self):
        for opcode, expected in ((TEXT, "ab"), (BINARY, b"ab")):
            message = MessageAssembler(None)
            message.begin(opcode, 1)
            message.add(b"a")
            message.begin(CONT, 1)
            message.add(b"b")
            self.assertEqual(message.finish(), expected)

    def test_the_next_message_is_another(self):
        message = MessageAssembler(None)
        for opcode, expected in ((TEXT, "x"), (BINARY, b"x"), (TEXT, "x")):
            message.begin(opcode, 1)
            message.add(b"x")
            self.assertEqual(message.finish(), expected)


class MaxSizeTests(TestCase):
    """Attacks 2 and 4: messages that never end, and lengths that are only said."""

    def too_big(self, message, length):
        exc = self.assertRaises(PayloadTooBig, message.check, length)
        self.assertEqual(exc.code, 1009)
        return exc.size, exc.max_size

    def test_a_frame_may_be_as_large_as_max_size(self):
        message = MessageAssembler(10)
        message.check(10)
        self.assertEqual(self.too_big(message, 11), (11, 10))

    def test_max_size_is_for_all_fragments_together(self):
        message = MessageAssembler(10)
        message.begin(BINARY, 4)
        message.begin(CONT, 3)
        message.check(3)
        self.assertEqual(self.too_big(message, 4), (11, 10))

    def test_a_check_counts_nothing(self):
        message = MessageAssembler(10)
        message.check(10)
        message.check(10)

    def test_the_next_message_has_a_max_size_of_its_own(self):
        message = MessageAssembler(10)
        message.begin(BINARY, 10)
        message.finish()
        message.check(10)
        self.assertEqual(self.too_big(message, 11), (11, 10))

    def test_max_size_may_be_nothing(self):
        message = MessageAssembler(0)
        message.check(0)
        self.assertEqual(self.too_big(message, 1), (1, 0))

    def test_without_max_size_there_is_no_limit(self):
        MessageAssembler(None).check(2**63 - 1)
