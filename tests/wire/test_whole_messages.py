from array import array

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.twins import in_c, pure
from tests.wire import same_each_time
from txws2.wire.frames import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    encode_frame,
    parse_header,
)
from txws2.wire.masking import apply_mask
from txws2.wire.whole_messages import decode_messages, encode_message, take_compressed

KEY = b"\x37\xfa\x21\x3d"
SIZES = (0, 1, 2, 7, 8, 9, 124, 125, 126, 127, 128, 129, 255, 256, 65534, 65535, 65536, 65537)


def ordinary(*messages, masked=True):
    return b"".join(
        encode_frame(TEXT, message.encode(), masked=masked)
        if isinstance(message, str)
        else encode_frame(BINARY, message, masked=masked)
        for message in messages
    )


class DecodeMessagesTests(TestCase):
    decode_messages = pure("decode_messages")

    def decoded(self, data, position=0, masked=True, max_size=None):
        """Return the messages, and the position at which the first other frame begins."""
        messages = []
        found = self.decode_messages(data, position, masked, max_size, messages)
        return messages, found

    def stops_at(self, other, masked=True, max_size=None):
        """Assert that decoding stops at these bytes, after ordinary messages."""
        for before in (b"", ordinary("a", b"b", masked=masked)):
            for after in (b"", ordinary("c", masked=masked)):
                messages, position = self.decoded(before + other + after, 0, masked, max_size)
                self.assertEqual(messages, ["a", b"b"] if before else [], msg=other)
                self.assertEqual(position, len(before), msg=other)


class WholeMessagesTests(DecodeMessagesTests):
    def test_text_is_str_and_binary_is_bytes(self):
        for masked in (False, True):
            data = ordinary("Hello", b"Hello", "héllo €\U0001f984", b"\xff", masked=masked)
            expected = ["Hello", b"Hello", "héllo €\U0001f984", b"\xff"]
            self.assertEqual(self.decoded(data, masked=masked), (expected, len(data)))

    def test_the_example_of_the_rfc(self):
        data = b"\x81\x85" + KEY + b"\x7f\x9f\x4d\x51\x58"
        self.assertEqual(self.decoded(data), (["Hello"], 11))

    def test_messages_may_be_empty(self):
        for masked in (False, True):
            data = ordinary("", b"", "", masked=masked)
            self.assertEqual(self.decoded(data, masked=masked), (["", b"", ""], len(data)))

    def test_all_sizes(self):
        for masked in (False, True):
            for size in SIZES:
                sent = ["x" * size, b"x" * size, "x" * (size - 2) + "é"]
                data = ordinary(*sent, masked=masked)
                self.assertEqual(self.decoded(data, masked=masked), (sent, len(data)), msg=size)

    def test_it_begins_where_it_is_told(self):
        data = ordinary("a", "b", "c")
        self.assertEqual(self.decoded(data, 7), (["b", "c"], 21))
        self.assertEqual(self.decoded(data, 21), ([], 21))
        self.assertEqual(self.decoded(b"", 0), ([], 0))

    def test_messages_are_appended(self):
        messages = ["before"]
        self.decode_messages(ordinary("after"), 0, True, None, messages)
        self.assertEqual(messages, ["before", "after"])

    @same_each_time
    @given(st.lists(st.text() | st.binary()), st.booleans())
    def test_any_messages(self, sent, masked):
        data = ordinary(*sent, masked=masked)
        self.assertEqual(self.decoded(data, masked=masked), (sent, len(data)))


class OtherFramesTests(DecodeMessagesTests):
    def test_what_is_not_all_there(self):
        for masked in (False, True):
            for size in (0, 5, 126, 65536):
                data = ordinary(bytes(size), masked=masked)
                for cut in {*range(1, 15), size // 2, len(data) - 1} & set(range(len(data))):
                    self.assertEqual(self.decoded(data[:cut], masked=masked), ([], 0))
                    before = ordinary("a", masked=masked)
                    found = self.decoded(before + data[:cut], masked=masked)
                    self.assertEqual(found, (["a"], len(before)))

    def test_control_frames(self):
        for masked in (False, True):
            for opcode in (CLOSE, PING, PONG):
                self.stops_at(encode_frame(opcode, b"", masked=masked), masked)

    def test_fragments(self):
        for masked in (False, True):
            for opcode, fin in ((TEXT, False), (BINARY, False), (CONT, False), (CONT, True)):
                self.stops_at(encode_frame(opcode, b"x", masked=masked, fin=fin), masked)

    def test_whatever_has_another_first_byte(self):
        for first in set(range(256)) - {0x81, 0x82}:
            self.stops_at(bytes([first, 0x80]) + KEY)
            self.stops_at(bytes([first, 0x00]), masked=False)

    def test_what_has_the_wrong_mask_bit(self):
        for size in (0, 5, 126, 65536):
            for masked in (False, True):
                self.stops_at(encode_frame(BINARY, bytes(size), masked=not masked), masked)

    def test_lengths_that_are_not_in_their_shortest_form(self):
        for masked, bit, key in ((False, 0, b""), (True, 0x80, KEY)):
            for size in (0, 125):
                field = bytes([bit | 126]) + size.to_bytes(2)
                self.stops_at(b"\x82" + field + key + bytes(size), masked)
            for size in (0, 125, 126, 65535):
                field = bytes([bit | 127]) + size.to_bytes(8)
                self.stops_at(b"\x82" + field + key + bytes(size), masked)

    def test_lengths_that_no_frame_has(self):
        for masked, bit, key in ((False, 0, b""), (True, 0x80, KEY)):
            for size in (2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 15, 2**64 - 1):
                field = bytes([bit | 127]) + size.to_bytes(8)
                self.stops_at(b"\x82" + field + key, masked)


class InvalidTextTests(DecodeMessagesTests):
    """Attack 16: a wrong text isn't decoded, and raises no exception here."""

    BAD = (b"\x80", b"\xff", b"\xc0\x80", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80")

    def test_text_that_is_not_utf8(self):
        for masked in (False, True):
            for bad in self.BAD:
                for good in (b"", b"good", b"x" * 120, b"x" * 1000):
                    self.stops_at(encode_frame(TEXT, good + bad, masked=masked), masked)

    def test_binary_may_be_anything(self):
        data = ordinary(*self.BAD)
        self.assertEqual(self.decoded(data), ([*self.BAD], len(data)))

    def test_one_byte_anywhere(self):
        for size in (1, 7, 8, 9, 17):
            for at in range(size):
                text = bytearray(b"x" * size)
                text[at] = 0x80
                self.stops_at(encode_frame(TEXT, text, masked=True))


class MaxSizeTests(DecodeMessagesTests):
    def test_a_message_may_be_as_large_as_max_size(self):
        for masked in (False, True):
            for size in SIZES:
                data = ordinary(bytes(size), masked=masked)
                found = self.decoded(data, masked=masked, max_size=size)
                self.assertEqual(found, ([bytes(size)], len(data)))

    def test_but_not_larger(self):
        for masked in (False, True):
            for size in SIZES[2:]:
                data = encode_frame(BINARY, bytes(size), masked=masked)
                self.stops_at(data, masked, max_size=size - 1)

    def test_max_size_may_be_nothing_or_less(self):
        data = ordinary("", "a")
        self.assertEqual(self.decoded(data, max_size=0), ([""], 6))
        for max_size in (-1, -(2**63), -(2**70)):
            self.assertEqual(self.decoded(data, max_size=max_size), ([], 0))

    def test_max_size_may_be_huge(self):
        for max_size in (None, 2**31, 2**63 - 1, 2**63, 2**70):
            self.assertEqual(self.decoded(ordinary("a"), max_size=max_size), (["a"], 7))


class ArgumentsTests(DecodeMessagesTests):
    def test_all_that_is_like_bytes_may_be_decoded(self):
        data = ordinary("Hello", b"Hello")
        spread = bytes(byte for each in data for byte in (each, 0))
        for like in (bytearray(data), memoryview(data), memoryview(spread)[::2], array("B", data)):
            messages, position = self.decoded(like)
            self.assertEqual((messages, position), (["Hello", b"Hello"], len(data)))
            self.assertIsInstance(messages[1], bytes)

    def test_it_need_not_be_aligned(self):
        data = ordinary("Hello" * 20, b"Hello" * 20)
        for before in range(9):
            view = memoryview(bytes(before) + data)[before:]
            self.assertEqual(self.decoded(view), (["Hello" * 20, b"Hello" * 20], len(data)))

    def test_messages_do_not_change_with_where_they_come_from(self):
        data = bytearray(ordinary(b"Hello", masked=False))
        [message], _ = self.decoded(data, masked=False)
        data[-1:] = b"!"
        self.assertEqual(message, b"Hello")

    def test_nothing_else_may(self):
        for data in ("Hello", [0x81, 0], 5, None):
            self.assertRaises(TypeError, self.decoded, data)
        for position in ("0", 0.0, None):
            self.assertRaises(TypeError, self.decoded, b"\x81\x00", position)
        for max_size in ("0", 0.0):
            self.assertRaises(TypeError, self.decoded, b"\x81\x00", max_size=max_size)
        self.assertRaises(TypeError, self.decode_messages, b"", 0, True, None)
        self.assertRaises(TypeError, self.decode_messages, b"", 0, True, None, [], [])

    def test_messages_go_into_a_list(self):
        for messages in ((), set(), "", None):
            arguments = (b"", 0, True, None, messages)
            exc = self.assertRaises(TypeError, self.decode_messages, *arguments)
            self.assertEqual(str(exc), f"messages is a list, not {type(messages).__name__}")

    def test_the_position_is_within_the_data(self):
        for position in (-1, 3, -(2**70), 2**70):
            exc = self.assertRaises(ValueError, self.decoded, b"\x81\x00", position)
            self.assertEqual(str(exc), f"a position is from 0 to 2, not {position}")

    def test_the_messages_may_hold_the_data(self):
        """A decoded message may be decoded in turn, into the same list."""
        messages = [ordinary(ordinary(ordinary("Hello")))]
        for data in messages:
            if isinstance(data, bytes):
                self.decode_messages(data, 0, True, None, messages)
        self.assertEqual(messages[-1], "Hello")

    def test_what_is_like_a_number_may_come_back(self):
        """The call leads to another call of the same function."""
        messages = []

        class Place:
            def __index__(place):
                self.decode_messages(ordinary("inner"), 0, True, None, messages)
                return 0

        self.decode_messages(ordinary("outer"), Place(), True, None, messages)
        self.assertEqual(messages, ["inner", "outer"])


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


class TakeCompressedTests(TestCase):
    take_compressed = pure("take_compressed")

    def taken(self, data, position=0, masked=True, max_size=None):
        return self.take_compressed(data, position, masked, max_size)

    def leaves(self, other, masked=True, max_size=None):
        """Assert that this frame isn't taken, with any bytes after it."""
        for after in (b"", encode_frame(TEXT, b"c", masked=masked, rsv1=True)):
            self.assertIsNone(self.taken(other + after, 0, masked, max_size), msg=other)

    def test_it_has_the_kind_and_the_payload_and_the_place_after_it(self):
        for masked in (False, True):
            for opcode in (TEXT, BINARY):
                for size in SIZES:
                    payload = b"x" * size
                    data = encode_frame(opcode, payload, masked=masked, rsv1=True)
                    for after in (b"", b"\x01", data):
                        found = self.taken(data + after, 0, masked)
                        self.assertEqual(found, (opcode, payload, len(data)))

    def test_it_begins_where_it_is_told(self):
        data = encode_frame(TEXT, b"a", masked=True, rsv1=True)
        self.assertEqual(self.taken(data * 3, 7), (TEXT, b"a", 14))
        self.assertIsNone(self.taken(data, 7))
        self.assertIsNone(self.taken(b""))

    def test_the_payload_is_bytes_and_stays_as_it_is(self):
        data = bytearray(encode_frame(BINARY, b"Hello", masked=False, rsv1=True))
        for like in (data, memoryview(data), array("B", data)):
            _, payload, _ = self.taken(like, masked=False)
            self.assertIsInstance(payload, bytes)
        data[-1:] = b"!"
        self.assertEqual(payload, b"Hello")

    def test_what_is_not_all_there_is_left(self):
        for masked in (False, True):
            for size in (0, 5, 126, 65536):
                data = encode_frame(BINARY, bytes(size), masked=masked, rsv1=True)
                for cut in {*range(15), size // 2, len(data) - 1} & set(range(len(data))):
                    self.assertIsNone(self.taken(data[:cut], 0, masked))

    def test_whatever_has_another_first_byte_is_left(self):
        for first in set(range(256)) - {0xC1, 0xC2}:
            self.leaves(bytes([first, 0x80]) + KEY)
            self.leaves(bytes([first, 0x00]), masked=False)

    def test_what_has_the_wrong_mask_bit_is_left(self):
        for masked in (False, True):
            self.leaves(encode_frame(BINARY, b"Hello", masked=not masked, rsv1=True), masked)

    def test_what_has_a_wrong_length_is_left(self):
        for masked, bit, key in ((False, 0, b""), (True, 0x80, KEY)):
            for size in (0, 125):
                field = bytes([bit | 126]) + size.to_bytes(2)
                self.leaves(b"\xc2" + field + key + bytes(size), masked)
            for size in (0, 65535, 2**63 - 1, 2**63, 2**64 - 1):
                field = bytes([bit | 127]) + size.to_bytes(8)
                self.leaves(b"\xc2" + field + key, masked)

    def test_max_size_counts_before_it_is_inflated(self):
        data = encode_frame(BINARY, b"Hello", masked=True, rsv1=True)
        for max_size in (5, 6, 2**63 - 1, 2**63, 2**70):
            self.assertEqual(self.taken(data, max_size=max_size), (BINARY, b"Hello", len(data)))
        for max_size in (4, 0, -1, -(2**70)):
            self.leaves(data, max_size=max_size)

    def test_arguments_are_what_they_are_for_decode_messages(self):
        for data in ("Hello", [0x81, 0], 5, None):
            self.assertRaises(TypeError, self.taken, data)
        for position in ("0", 0.0, None):
            self.assertRaises(TypeError, self.taken, b"\xc1\x00", position)
        for max_size in ("0", 0.0):
            self.assertRaises(TypeError, self.taken, b"\xc1\x00", max_size=max_size)
        self.assertRaises(TypeError, self.take_compressed, b"", 0, True)
        self.assertRaises(TypeError, self.take_compressed, b"", 0, True, None, None)
        for position in (-1, 3, -(2**70), 2**70):
            exc = self.assertRaises(ValueError, self.taken, b"\xc1\x00", position)
            self.assertEqual(str(exc), f"a position is from 0 to 2, not {position}")


del DecodeMessagesTests


@in_c
class WholeMessagesInCTests(WholeMessagesTests):
    decode_messages = staticmethod(decode_messages)


@in_c
class OtherFramesInCTests(OtherFramesTests):
    decode_messages = staticmethod(decode_messages)


@in_c
class InvalidTextInCTests(InvalidTextTests):
    decode_messages = staticmethod(decode_messages)


@in_c
class MaxSizeInCTests(MaxSizeTests):
    decode_messages = staticmethod(decode_messages)


@in_c
class ArgumentsInCTests(ArgumentsTests):
    decode_messages = staticmethod(decode_messages)


@in_c
class EncodeMessageInCTests(EncodeMessageTests):
    encode_message = staticmethod(encode_message)


@in_c
class TakeCompressedInCTests(TakeCompressedTests):
    take_compressed = staticmethod(take_compressed)
