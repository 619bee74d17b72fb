from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.wire import same_each_time
from txws2.exceptions import PayloadTooBig, ProtocolError
from txws2.wire.assembler import MessageAssembler, decode_text
from txws2.wire.deflater import Deflater, Inflater
from txws2.wire.frames import BINARY, CONT, TEXT
from txws2.wire.masking import apply_mask

# Attack 16: all kinds of bytes that aren't UTF-8, up to the byte that shows it.
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
    """Attacks 2 and 4: messages that never end, and lengths that are only announced."""

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


class MaxFragmentsTests(TestCase):
    """Attack 2, with fragments that are empty."""

    def begin(self, message, number):
        for _ in range(number):
            message.begin(BINARY, 0)

    def test_a_message_may_come_in_as_many_and_no_more(self):
        message = MessageAssembler(None, None, 3)
        self.begin(message, 3)
        exc = self.assertRaises(PayloadTooBig, message.begin, CONT, 0)
        self.assertEqual((exc.code, exc.size, exc.max_size, exc.unit), (1009, 4, 3, "fragments"))

    def test_those_before_the_end_and_those_that_were_taken_count_no_more(self):
        message = MessageAssembler(None, None, 3)
        for forget in (message.finish, message.take) * 2:
            self.begin(message, 3)
            forget()

    def test_without_a_limit_there_may_be_any_number(self):
        self.begin(MessageAssembler(None), 100_000)


class TakeTests(TestCase):
    def begun(self, opcode, *parts, max_size=None):
        message = MessageAssembler(max_size)
        message.begin(opcode, 100)
        for part in parts:
            message.add(part)
        return message

    def test_what_was_taken_comes_no_more(self):
        for opcode, expected in ((TEXT, ["ab", "c", "d"]), (BINARY, [b"ab", b"c", b"d"])):
            message = self.begun(opcode, b"a", b"b")
            found = [message.take()]
            message.add(b"c")
            found.append(message.take())
            message.add(b"d")
            found.append(message.finish())
            self.assertEqual(found, expected)

    def test_it_is_known_how_much_waits_and_whether_any_was_taken(self):
        message = self.begun(BINARY, b"ab", b"c")
        self.assertEqual((message.waiting, message.taken), (3, False))
        message.take()
        self.assertEqual((message.waiting, message.taken), (0, True))
        message.add(b"defg")
        self.assertEqual((message.waiting, message.taken), (4, True))
        message.finish()
        self.assertEqual((message.waiting, message.taken), (0, False))

    def test_only_whole_characters_can_be_taken(self):
        message = self.begun(TEXT, b"a\xe2\x82")
        self.assertEqual(message.take(), "a")
        message.add(b"\xac")
        self.assertEqual(message.finish(), "\u20ac")

    def test_max_size_counts_what_was_taken(self):
        message = MessageAssembler(10)
        message.begin(BINARY, 6)
        message.add(b"123456")
        message.take()
        message.check(4)
        self.assertRaises(PayloadTooBig, message.check, 5)

    def test_what_waits_is_counted_after_inflating(self):
        message = MessageAssembler(1000, Inflater(15, True))
        for size in (999, 1):
            data = Deflater(15, False, 6, 5).compress(b"x" * size, False)
            message.begin(BINARY, len(data), size == 999)
            message.add(data)
            self.assertEqual(message.waiting, size)
            self.assertEqual(message.take(), b"x" * size)
        message.begin(CONT, len(data))
        self.assertRaises(PayloadTooBig, message.add, data)


class LargeTests(TestCase):
    """A frame that is a whole binary message, and arrives in many reads."""

    MASK = b"\x37\xfa\x21\x3d"
    PAYLOAD = bytes(range(256)) * 3

    def begun(self, mask, opcode=BINARY):
        message = MessageAssembler(None)
        message.begin(opcode, len(self.PAYLOAD), last=True, mask=mask)
        return message

    def said(self, mask):
        """The payload after the header, and the first byte of the next frame."""
        payload = self.PAYLOAD if mask is None else apply_mask(self.PAYLOAD, mask)
        return payload + b"\x82"

    def test_it_takes_what_belongs_to_it(self):
        for mask in (None, self.MASK):
            message, data = self.begun(mask), self.said(mask)
            self.assertEqual(message.add(b"head" + data[:10], 4), 14)
            self.assertEqual((message.missing, message.waiting), (758, 10))
            self.assertEqual(message.add(data[10:]), 758)
            self.assertEqual(message.missing, 0)
            self.assertEqual(message.finish(), self.PAYLOAD)

    def test_parts_can_be_taken_at_any_place(self):
        for mask in (None, self.MASK):
            for cut in range(1, 9):
                message, data = self.begun(mask), self.said(mask)
                found = []
                for start in range(0, 768, cut):
                    message.add(data[start : start + cut])
                    found.append(message.take())
                self.assertEqual(b"".join(found), self.PAYLOAD)
                self.assertEqual(message.finish(), b"")

    def test_text_is_unmasked_as_well(self):
        message = MessageAssembler(None)
        message.begin(TEXT, 5, last=True, mask=self.MASK)
        data = apply_mask(b"Hello", self.MASK)
        message.add(data[:3])
        message.add(data[3:])
        self.assertEqual(message.finish(), "Hello")


class CompressedTests(TestCase):
    HELLO = bytes.fromhex("f248cdc9c90700")
    AGAIN = bytes.fromhex("f200110000")

    def assembler(self, max_size=None):
        return MessageAssembler(max_size, Inflater(15, True))

    def begun(self, *parts, max_size=None, opcode=BINARY):
        """Return an assembler with these parts of a compressed message, each in its own frame."""
        message = self.assembler(max_size)
        for number, part in enumerate(parts):
            message.begin(CONT if number else opcode, len(part), not number)
            message.add(part)
        return message

    def too_big(self, call, *args):
        exc = self.assertRaises(PayloadTooBig, call, *args)
        return exc.size, exc.max_size

    def test_a_whole_message_is_inflated(self):
        message = self.assembler()
        self.assertEqual(message.whole(TEXT, self.HELLO, True), "Hello")
        self.assertEqual(message.whole(BINARY, self.AGAIN, True), b"Hello")
        self.assertEqual(message.whole(BINARY, b"plain", False), b"plain")

    def test_a_fragmented_message_is_inflated(self):
        for opcode, expected in ((TEXT, "Hello"), (BINARY, b"Hello")):
            message = self.begun(self.HELLO[:3], b"", self.HELLO[3:], opcode=opcode)
            self.assertEqual(message.finish(), expected)
            self.assertEqual(message.whole(opcode, self.AGAIN, True), expected)

    def test_the_next_message_is_another(self):
        message = self.begun(self.HELLO)
        message.finish()
        message.begin(TEXT, 5)
        message.add(b"plain")
        self.assertEqual(message.finish(), "plain")
        self.assertEqual(message.whole(TEXT, self.AGAIN, True), "Hello")

    def test_what_is_no_deflate_is_refused(self):
        self.assertRaises(ProtocolError, self.assembler().whole, TEXT, b"\xff", True)
        self.assertRaises(ProtocolError, self.begun, b"\xff", b"\xff", b"\xff")

    def test_text_must_be_utf8_once_it_is_inflated(self):
        for bad in (BAD | SURROGATES).values():
            data = Deflater(15, True, 6, 5).compress(b"good " + bad, False)
            exc = self.assertRaises(ProtocolError, self.begun, data, opcode=TEXT)
            self.assertEqual((exc.code, str(exc)), (1007, "invalid UTF-8 in text message"))
            self.assertRaises(ProtocolError, self.assembler().whole, TEXT, data, True)

    def test_max_size_is_of_what_is_inflated(self):
        self.assertEqual(self.assembler(5).whole(TEXT, self.HELLO, True), "Hello")
        self.assertEqual(self.begun(self.HELLO, max_size=5).finish(), b"Hello")
        self.assertEqual(self.too_big(self.assembler(4).whole, TEXT, self.HELLO, True), (5, 4))

    def test_max_size_is_for_all_fragments_together(self):
        ours = Deflater(15, True, 6, 5)
        parts = [ours.compress(b"Hello", last) for last in (False, False, True)]
        self.assertEqual(self.begun(*parts, max_size=15).finish(), b"Hello" * 3)
        message = self.begun(*parts[:2], max_size=14)
        message.begin(CONT, len(parts[2]))
        self.assertEqual(self.too_big(message.add, parts[2]), (15, 14))

    def test_the_next_message_has_a_max_size_of_its_own(self):
        message = self.begun(self.HELLO, max_size=5)
        message.finish()
        for _ in range(3):
            self.assertEqual(message.whole(BINARY, self.AGAIN, True), b"Hello")
            message.begin(BINARY, 5, True)
            message.add(self.AGAIN)
            self.assertEqual(message.finish(), b"Hello")

    def test_what_shows_at_the_end_only_is_counted(self):
        """Return a stored block whose bytes are those of the tail."""
        message = self.begun(b"\x00\x04\x00\xfb\xff", max_size=3)
        self.assertEqual(self.too_big(message.finish), (4, 3))

    def test_a_frame_may_be_a_little_longer_than_max_size(self):
        """Compression makes a payload longer that can't be compressed."""
        for max_size, most in ((0, 64), (1000, 1314), (2**20, 2**20 + 2**18 + 64)):
            message = self.assembler(max_size)
            message.check(most, True)
            self.assertEqual(self.too_big(message.check, most + 1, True), (most + 1, max_size))
            message.begin(BINARY, 0, True)
            message.check(most)
            self.assertEqual(self.too_big(message.check, most + 1), (most + 1, max_size))
        self.assembler(None).check(2**63 - 1, True)

    def test_but_not_one_that_is_uncompressed(self):
        message = self.begun(self.HELLO, max_size=10)
        message.finish()
        self.assertEqual(self.too_big(message.check, 11), (11, 10))
        message.begin(BINARY, 6)
        self.assertEqual(self.too_big(message.check, 5), (11, 10))

    def test_small_fragments_may_be_longer_compressed_than_max_size(self):
        ours, message = Deflater(15, True, 6, 5), self.assembler(1000)
        total = 0
        for number in range(1000):
            part = ours.compress(bytes([number % 251]), number == 999)
            message.check(len(part), not number)
            message.begin(CONT if number else BINARY, len(part), not number)
            message.add(part)
            total += len(part)
        self.assertEqual(len(message.finish()), 1000)
        self.assertGreater(total, 5000)
