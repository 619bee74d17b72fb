from array import array

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.tallies import counted
from tests.support.twins import in_c, pure
from tests.wire import same_each_time
from txws2._accelerator import PURE
from txws2.wire.decoder import Decoder
from txws2.wire.exceptions import PayloadTooBig, ProtocolError
from txws2.wire.frames import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    encode_frame,
)

KEY = b"\x37\xfa\x21\x3d"
SIZES = (0, 1, 2, 7, 8, 9, 124, 125, 126, 127, 128, 129, 255, 256, 65534, 65535, 65536, 65537)


def ordinary(*messages, masked=True):
    return b"".join(
        encode_frame(TEXT, message.encode(), masked=masked)
        if isinstance(message, str)
        else encode_frame(BINARY, message, masked=masked)
        for message in messages
    )


class DecoderTests(TestCase):
    Decoder = pure("Decoder")

    def decoder(self, masked=True, max_size=None):
        decoder = self.Decoder()
        decoder.client, decoder.max_size = not masked, max_size
        return decoder

    def decoded(self, data, position=0, masked=True, max_size=None):
        """Return the messages, and the position at which the first other frame begins."""
        messages = []
        found = self.decoder(masked, max_size).decode(data, position, messages)
        return messages, found

    def stops_at(self, other, masked=True, max_size=None):
        """Assert that decoding stops at these bytes, after ordinary messages."""
        for before in (b"", ordinary("a", b"b", masked=masked)):
            for after in (b"", ordinary("c", masked=masked)):
                messages, position = self.decoded(before + other + after, 0, masked, max_size)
                self.assertEqual(messages, ["a", b"b"] if before else [], msg=other)
                self.assertEqual(position, len(before), msg=other)


class WholeMessagesTests(DecoderTests):
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

    def test_it_begins_at_the_given_position(self):
        data = ordinary("a", "b", "c")
        self.assertEqual(self.decoded(data, 7), (["b", "c"], 21))
        self.assertEqual(self.decoded(data, 21), ([], 21))
        self.assertEqual(self.decoded(b"", 0), ([], 0))

    def test_messages_are_appended(self):
        messages = ["before"]
        self.decoder().decode(ordinary("after"), 0, messages)
        self.assertEqual(messages, ["before", "after"])

    @same_each_time
    @given(st.lists(st.text() | st.binary()), st.booleans())
    def test_any_messages(self, sent, masked):
        data = ordinary(*sent, masked=masked)
        self.assertEqual(self.decoded(data, masked=masked), (sent, len(data)))


class CountsTests(DecoderTests):
    def test_at_first_there_is_nothing(self):
        decoder = self.Decoder()
        self.assertEqual((decoder.max_size, decoder.max_fragments), (None, None))
        self.assertEqual((decoder.missing, decoder.unfinished, decoder.held), (0, 0, b""))
        self.assertIs(decoder.fragmented, False)
        for name in "discarding", "inflates", "ordinary_in":
            self.assertIs(getattr(decoder, name), False)
            setattr(decoder, name, True)
            self.assertIs(getattr(decoder, name), True)

    def test_messages_are_counted(self):
        for masked in (False, True):
            decoder, messages = self.decoder(masked), ["before"]
            data = b"x" + ordinary("Hello", "é", b"\xff", masked=masked)
            self.assertEqual(decoder.decode(data + b"\x89", 1, messages), len(data))
            self.assertEqual(messages, ["before", "Hello", "é", b"\xff"])
            counts = counted(decoder)
            self.assertEqual(counts["payload_in"], 8)
            self.assertEqual((counts["frames_in"][TEXT], counts["frames_in"][BINARY]), (2, 1))


class OtherFramesTests(DecoderTests):
    def test_control_frames(self):
        for masked in (False, True):
            for opcode in (CLOSE, PING, PONG):
                self.stops_at(encode_frame(opcode, b"", masked=masked), masked)

    def test_fragments_of_no_message(self):
        for masked in (False, True):
            for fin in (False, True):
                self.stops_at(encode_frame(CONT, b"x", masked=masked, fin=fin), masked)

    def test_each_other_first_byte_is_left(self):
        for first in set(range(256)) - {0x81, 0x82, 0x01, 0x02}:
            self.stops_at(bytes([first, 0x80]) + KEY)
            self.stops_at(bytes([first, 0x00]), masked=False)
            self.stops_at(bytes([first]))

    def test_a_wrong_mask_bit_is_left(self):
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
        for masked, bit in ((False, 0), (True, 0x80)):
            for size in (2**63, 2**64 - 15, 2**64 - 1):
                field = bytes([bit | 127]) + size.to_bytes(8)
                for length in range(2, 10):
                    decoder, messages = self.decoder(masked), []
                    self.assertEqual(decoder.decode(b"\x82" + field[:length], 0, messages), 0)


class InvalidTextTests(DecoderTests):
    """Attack 16: a wrong text fails, behind the messages before it."""

    BAD = (b"\x80", b"\xff", b"\xc0\x80", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80")

    def fails(self, bad, masked=True):
        before, messages = ordinary("a", b"b", masked=masked), []
        decoder = self.decoder(masked)
        exc = self.assertRaises(ProtocolError, decoder.decode, before + bad, 0, messages)
        self.assertEqual((exc.code, str(exc)), (1007, "invalid UTF-8 in text message"))
        self.assertIsInstance(exc.__cause__, UnicodeDecodeError)
        self.assertEqual(messages, ["a", b"b"])

    def test_text_that_is_not_utf8(self):
        for masked in (False, True):
            for bad in self.BAD:
                for good in (b"", b"good", b"x" * 120, b"x" * 1000):
                    self.fails(encode_frame(TEXT, good + bad, masked=masked), masked)

    def test_binary_may_be_anything(self):
        data = ordinary(*self.BAD)
        self.assertEqual(self.decoded(data), ([*self.BAD], len(data)))

    def test_one_byte_anywhere(self):
        for masked in (False, True):
            for size in (1, 7, 8, 9, 17, 265, 512):
                for at in range(size):
                    text = bytearray(b"x" * size)
                    text[at] = 0x80
                    self.fails(encode_frame(TEXT, text, masked=masked), masked)


class MaxSizeTests(DecoderTests):
    def test_a_message_may_be_as_large_as_max_size(self):
        for masked in (False, True):
            for size in SIZES:
                data = ordinary(bytes(size), masked=masked)
                found = self.decoded(data, masked=masked, max_size=size)
                self.assertEqual(found, ([bytes(size)], len(data)))

    def test_if_it_is_negative_no_message_is_small_enough(self):
        for size in (0, 1, 200):
            data = encode_frame(BINARY, bytes(size), masked=True)
            self.assertEqual(self.too_big(data, max_size=-1), (size, []))

    def too_big(self, data, masked=True, max_size=None):
        messages = []
        exc = self.assertRaises(
            PayloadTooBig, self.decoder(masked, max_size).decode, data, 0, messages
        )
        self.assertEqual((exc.code, exc.max_size, exc.unit), (1009, max_size, "bytes"))
        return exc.size, messages

    def test_but_not_larger(self):
        """Attack 3: the header alone tells it."""
        for masked in (False, True):
            for size in SIZES[2:]:
                data = encode_frame(BINARY, bytes(size), masked=masked)
                for wrong in (data, data[: len(data) - size]):
                    data = ordinary("a", masked=masked) + wrong
                    self.assertEqual(self.too_big(data, masked, size - 1), (size, ["a"]))

    def test_max_size_may_be_nothing_or_less(self):
        self.assertEqual(self.too_big(ordinary("", "a"), max_size=0), (1, [""]))
        for max_size in (-1, -(2**63), -(2**70)):
            self.assertEqual(self.too_big(ordinary("a"), max_size=max_size), (1, []))

    def test_max_size_may_be_huge(self):
        for max_size in (None, 2**31, 2**63 - 1, 2**63, 2**70):
            self.assertEqual(self.decoded(ordinary("a"), max_size=max_size), (["a"], 7))


class ArgumentsTests(DecoderTests):
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
        decode = self.decoder().decode
        self.assertRaises(TypeError, decode, b"", 0)
        self.assertRaises(TypeError, decode, b"", 0, [], [])

    def test_messages_go_into_a_list(self):
        for messages in ((), set(), "", None):
            exc = self.assertRaises(TypeError, self.decoder().decode, b"", 0, messages)
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
                self.decoder().decode(data, 0, messages)
        self.assertEqual(messages[-1], "Hello")

    def test_an_object_like_a_number_is_a_position(self):
        """The call leads to another call of the same decoder."""
        messages, decoder = [], self.decoder()

        class Place:
            def __index__(place):
                decoder.decode(ordinary("inner"), 0, messages)
                return 0

        decoder.decode(ordinary("outer"), Place(), messages)
        self.assertEqual(messages, ["inner", "outer"])


del DecoderTests


@in_c
class WholeMessagesInCTests(WholeMessagesTests):
    Decoder = Decoder


@in_c
class CountsInCTests(CountsTests):
    Decoder = Decoder

    def test_attributes_have_their_types(self):
        decoder = self.decoder()
        for value in ("x", None, bytes(140)):
            exc = self.assertRaises(TypeError, setattr, decoder, "held", value)
            self.assertEqual(str(exc), "held is bytes, at most 139")
        self.assertRaises(TypeError, delattr, decoder, "held")
        self.assertRaises(TypeError, decoder.take_part, 1)
        decoder.max_fragments = "one"
        self.assertRaises(TypeError, decoder.decode, b"", 0, [])


class SubclassTests(TestCase):
    def test_the_subclass_inflates(self):
        inflate_part = PURE["Decoder"]().inflate_part
        self.assertRaises(NotImplementedError, inflate_part, b"", 0, True)


@in_c
class OtherFramesInCTests(OtherFramesTests):
    Decoder = Decoder


@in_c
class InvalidTextInCTests(InvalidTextTests):
    Decoder = Decoder


@in_c
class MaxSizeInCTests(MaxSizeTests):
    Decoder = Decoder


@in_c
class ArgumentsInCTests(ArgumentsTests):
    Decoder = Decoder
