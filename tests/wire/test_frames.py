from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.twins import in_c, pure
from txws2.exceptions import ProtocolError
from txws2.wire.frames import (
    BINARY,
    CLOSE,
    CONT,
    MAX_CONTROL_SIZE,
    PING,
    PONG,
    TEXT,
    Header,
    Opcode,
    encode_frame,
    encode_header,
    parse_header,
)
from txws2.wire.masking import apply_mask

KEY = b"\x37\xfa\x21\x3d"


def parse(data, start=0, *, masked=False, fragmented=False, compressible=False):
    return parse_header(
        data, start, masked=masked, fragmented=fragmented, compressible=compressible
    )


def complaint(data, **expected):
    """Return the error of a header, or None while there is none."""
    try:
        parse(data, **expected)
    except ProtocolError as exc:
        return str(exc)
    return None


class OpcodeTests(TestCase):
    def test_the_opcodes_are_those_of_the_registry(self):
        opcodes = {"CONT": 0, "TEXT": 1, "BINARY": 2, "CLOSE": 8, "PING": 9, "PONG": 10}
        self.assertEqual({opcode.name: opcode.value for opcode in Opcode}, opcodes)

    def test_each_has_its_name(self):
        self.assertEqual((CONT, TEXT, BINARY, CLOSE, PING, PONG), (0, 1, 2, 8, 9, 10))

    def test_a_control_frame_holds_125_bytes(self):
        self.assertEqual(MAX_CONTROL_SIZE, 125)


class ExamplesOfTheRfcTests(TestCase):
    """Section 5.7."""

    encode_frame = pure("encode_frame")

    def test_an_unmasked_text(self):
        self.assertEqual(self.encode_frame(TEXT, b"Hello", masked=False), b"\x81\x05Hello")
        self.assertEqual(parse(b"\x81\x05Hello"), Header(True, False, TEXT, 5, None, 2))

    def test_a_masked_text(self):
        data = b"\x81\x85" + KEY + b"\x7f\x9f\x4d\x51\x58"
        self.assertEqual(parse(data, masked=True), Header(True, False, TEXT, 5, KEY, 6))

    def test_a_fragmented_text(self):
        self.assertEqual(self.encode_frame(TEXT, b"Hel", masked=False, fin=False), b"\x01\x03Hel")
        self.assertEqual(self.encode_frame(CONT, b"lo", masked=False), b"\x80\x02lo")
        self.assertEqual(parse(b"\x01\x03Hel"), Header(False, False, TEXT, 3, None, 2))
        self.assertEqual(
            parse(b"\x80\x02lo", fragmented=True), Header(True, False, CONT, 2, None, 2)
        )

    def test_a_ping_and_its_pong(self):
        self.assertEqual(self.encode_frame(PING, b"Hello", masked=False), b"\x89\x05Hello")
        self.assertEqual(self.encode_frame(PONG, b"Hello", masked=False), b"\x8a\x05Hello")
        self.assertEqual(parse(b"\x89\x05Hello"), Header(True, False, PING, 5, None, 2))
        self.assertEqual(
            parse(b"\x8a\x85" + KEY + b"\x7f\x9f\x4d\x51\x58", masked=True),
            Header(True, False, PONG, 5, KEY, 6),
        )

    def test_256_bytes(self):
        data = b"\x82\x7e\x01\x00" + bytes(256)
        self.assertEqual(self.encode_frame(BINARY, bytes(256), masked=False), data)
        self.assertEqual(parse(data), Header(True, False, BINARY, 256, None, 4))

    def test_64_kib(self):
        data = b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + bytes(65536)
        self.assertEqual(self.encode_frame(BINARY, bytes(65536), masked=False), data)
        self.assertEqual(parse(data), Header(True, False, BINARY, 65536, None, 10))

    def test_a_close(self):
        self.assertEqual(self.encode_frame(CLOSE, b"\x03\xe8", masked=False), b"\x88\x02\x03\xe8")
        self.assertEqual(parse(b"\x88\x02\x03\xe8"), Header(True, False, CLOSE, 2, None, 2))


class LengthTests(TestCase):
    encode_frame = pure("encode_frame")

    SHORTEST = {
        0: b"\x00",
        125: b"\x7d",
        126: b"\x7e\x00\x7e",
        65535: b"\x7e\xff\xff",
        65536: b"\x7f" + (65536).to_bytes(8, "big"),
    }

    def test_a_length_that_is_sent_has_the_shortest_form(self):
        for length, field in self.SHORTEST.items():
            data = self.encode_frame(BINARY, bytes(length), masked=False)
            self.assertEqual(data, b"\x82" + field + bytes(length), msg=length)

    def test_arriving_lengths_are_read(self):
        for length, field in self.SHORTEST.items():
            expected = Header(True, False, BINARY, length, None, 1 + len(field))
            self.assertEqual(parse(b"\x82" + field), expected, msg=length)

    def test_the_mask_bit_is_no_part_of_the_length(self):
        for length, field in self.SHORTEST.items():
            data = bytes([0x82, field[0] | 0x80]) + field[1:] + KEY
            expected = Header(True, False, BINARY, length, KEY, len(data))
            self.assertEqual(parse(data, masked=True), expected, msg=length)

    def test_the_longest(self):
        data = b"\x82\x7f\x7f" + b"\xff" * 7
        self.assertEqual(parse(data), Header(True, False, BINARY, 2**63 - 1, None, 10))


class WrongLengthTests(TestCase):
    """Attack 3: lengths near 2**63, with the top bit set, or not in their shortest form."""

    def test_the_highest_bit_is_refused(self):
        for length in (2**63, 2**63 + 1, 2**64 - 1):
            data = b"\x82\x7f" + length.to_bytes(8, "big")
            self.assertEqual(complaint(data), "invalid length: the highest bit is set")

    def test_two_bytes_for_what_fits_in_seven_bits_are_refused(self):
        for length in (0, 125):
            data = b"\x82\x7e" + length.to_bytes(2, "big")
            expected = f"invalid length: {length} is not in its shortest form"
            self.assertEqual(complaint(data), expected)

    def test_eight_bytes_for_what_fits_in_two_are_refused(self):
        for length in (0, 125, 126, 65535):
            data = b"\x82\x7f" + length.to_bytes(8, "big")
            expected = f"invalid length: {length} is not in its shortest form"
            self.assertEqual(complaint(data), expected)

    def test_the_masking_key_is_not_awaited(self):
        self.assertIn("highest bit", complaint(b"\x82\xff" + b"\xff" * 8, masked=True))
        self.assertIn("shortest form", complaint(b"\x82\xfe\x00\x7d", masked=True))


class PartsOfHeadersTests(TestCase):
    def test_nothing_is_read_until_all_is_there(self):
        for masked, data in (
            (False, b"\x82\x05"),
            (False, b"\x82\x7e\x01\x00"),
            (False, b"\x82\x7f" + (65536).to_bytes(8, "big")),
            (True, b"\x82\x85" + KEY),
            (True, b"\x82\xfe\x01\x00" + KEY),
            (True, b"\x82\xff" + (65536).to_bytes(8, "big") + KEY),
        ):
            parts = [parse(data[:size], masked=masked) for size in range(1, len(data))]
            self.assertEqual(parts, [None] * (len(data) - 1), msg=data)
            self.assertEqual(parse(data, masked=masked).end, len(data), msg=data)

    def test_a_header_may_begin_anywhere(self):
        before = b"\xff" * 7
        for masked, data in (
            (False, b"\x82\x05"),
            (False, b"\x82\x7e\x01\x00"),
            (True, b"\x82\xff" + (65536).to_bytes(8, "big") + KEY),
        ):
            expected = parse(data, masked=masked)
            expected = expected._replace(end=expected.end + 7)
            self.assertEqual(parse(before + data, 7, masked=masked), expected)
            self.assertIsNone(parse(before + data[:-1], 7, masked=masked))
            self.assertIsNone(parse(before + data[:1], 7, masked=masked))


class FirstByteTests(TestCase):
    """Attack 15: a frame that is wrong from its first byte on."""

    def test_the_bits_that_are_reserved(self):
        for first in (0x91, 0xA1, 0xC1, 0xF1, 0x10, 0xFF):
            self.assertEqual(complaint(bytes([first])), "reserved bits must be 0")

    def test_the_opcodes_that_are_reserved(self):
        for opcode in (0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF):
            for first in (opcode, 0x80 | opcode):
                expected = f"invalid opcode: 0x{opcode:X}"
                self.assertEqual(complaint(bytes([first])), expected)
                self.assertEqual(complaint(bytes([first]), fragmented=True), expected)

    def test_the_close_code_is_1002(self):
        self.assertEqual(self.assertRaises(ProtocolError, parse, b"\x83").code, 1002)

    def test_the_name_of_an_opcode_is_in_hexadecimal(self):
        self.assertEqual(complaint(b"\x8b"), "invalid opcode: 0xB")

    def test_control_frames_in_fragments(self):
        for opcode in (CLOSE, PING, PONG):
            self.assertEqual(complaint(bytes([opcode])), "fragmented control frame")

    def test_a_continuation_of_nothing(self):
        for first in (b"\x00", b"\x80"):
            self.assertEqual(complaint(first), "unexpected continuation frame")
            self.assertIsNone(complaint(first, fragmented=True))

    def test_a_message_within_another(self):
        for first in (b"\x01", b"\x81", b"\x02", b"\x82"):
            expected = "expected a continuation frame"
            self.assertEqual(complaint(first, fragmented=True), expected)
            self.assertIsNone(complaint(first))

    def test_control_frames_may_be_anywhere(self):
        for first in (b"\x88", b"\x89", b"\x8a"):
            self.assertIsNone(complaint(first))
            self.assertIsNone(complaint(first, fragmented=True))


class SecondByteTests(TestCase):
    """Attack 15: a frame that is wrong from its second byte on."""

    def test_a_client_must_mask(self):
        self.assertEqual(complaint(b"\x81\x7f", masked=True), "expected a masked frame")

    def test_a_server_must_not(self):
        self.assertEqual(complaint(b"\x81\x80"), "expected an unmasked frame")

    def test_control_frames_are_short(self):
        for opcode in (CLOSE, PING, PONG):
            for masked, bit in ((False, 0), (True, 0x80)):
                first = 0x80 | opcode
                self.assertIsNone(complaint(bytes([first, bit | 125]), masked=masked))
                for length in (126, 127):
                    data = bytes([first, bit | length])
                    self.assertEqual(complaint(data, masked=masked), "control frame too long")


class MaskedFramesTests(TestCase):
    """Attack 18: a mask that can be predicted."""

    encode_frame = pure("encode_frame")

    def test_the_key_goes_between_the_length_and_the_payload(self):
        for length, size in ((0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)):
            payload = b"x" * length
            data = self.encode_frame(TEXT, payload, masked=True)
            plain = self.encode_frame(TEXT, payload, masked=False)
            self.assertEqual(data[:2], bytes([plain[0], plain[1] | 0x80]))
            self.assertEqual(data[2:size], plain[2:size])
            mask = data[size : size + 4]
            self.assertEqual(apply_mask(data[size + 4 :], mask), payload)

    def test_each_frame_has_a_key_of_its_own(self):
        frames = {self.encode_frame(TEXT, b"Hello", masked=True) for _ in range(16)}
        self.assertGreater(len(frames), 1)

    def test_fin_may_be_off(self):
        self.assertEqual(self.encode_frame(BINARY, b"", masked=True, fin=False)[:2], b"\x02\x80")

    def test_rsv1_may_be_on(self):
        self.assertEqual(self.encode_frame(TEXT, b"", masked=True, rsv1=True)[:2], b"\xc1\x80")


class CompressedFramesTests(TestCase):
    """RFC 7692 section 6: the first frame of a message says whether it is compressed."""

    encode_frame = pure("encode_frame")

    def test_the_first_of_a_message_may_be(self):
        for first, opcode in ((0xC1, TEXT), (0x41, TEXT), (0xC2, BINARY), (0x42, BINARY)):
            data = self.encode_frame(opcode, b"x", masked=False, fin=first >= 0x80, rsv1=True)
            self.assertEqual(data, bytes([first, 1]) + b"x")
            expected = Header(first >= 0x80, True, opcode, 1, None, 2)
            self.assertEqual(parse(data, compressible=True), expected)

    def test_unless_it_is_agreed_it_may_not_be(self):
        for first in (0xC1, 0x41, 0xC2, 0x42):
            self.assertEqual(complaint(bytes([first])), "reserved bits must be 0")

    def test_no_other_frame_may_be(self):
        for opcode in set(range(16)) - {TEXT, BINARY}:
            for first in (0x40 | opcode, 0xC0 | opcode):
                for fragmented in (False, True):
                    told = complaint(bytes([first]), fragmented=fragmented, compressible=True)
                    self.assertEqual(told, "reserved bits must be 0")

    def test_the_other_bits_stay_reserved(self):
        for bits in (0x10, 0x20, 0x30, 0x50, 0x60, 0x70):
            for opcode in range(16):
                told = complaint(bytes([0x80 | bits | opcode]), compressible=True)
                self.assertEqual(told, "reserved bits must be 0")

    def test_a_message_within_another_is_wrong_all_the_same(self):
        told = complaint(b"\xc1", fragmented=True, compressible=True)
        self.assertEqual(told, "expected a continuation frame")

    def test_a_message_need_not_be_though_it_may(self):
        self.assertIs(parse(b"\x81\x00", compressible=True).rsv1, False)


class EncodeFrameTests(TestCase):
    encode_frame = pure("encode_frame")

    def test_all_that_is_like_bytes_may_be_sent(self):
        for payload in (bytearray(b"ab"), memoryview(b"ab"), memoryview(b"a-b")[::2]):
            for masked, size in ((False, 4), (True, 8)):
                frame = self.encode_frame(BINARY, payload, masked=masked)
                self.assertEqual((len(frame), frame[1] & 0x7F), (size, 2))
                self.assertIsInstance(frame, bytes)

    def test_nothing_else_may(self):
        for payload in ("ab", [1, 2], 5, None):
            self.assertRaises(TypeError, self.encode_frame, BINARY, payload, masked=False)

    def test_the_first_byte_is_a_byte(self):
        for opcode in (-1, 0x100, 2**70, -(2**70)):
            exc = self.assertRaises(ValueError, self.encode_frame, opcode, b"", masked=False)
            self.assertEqual(str(exc), f"no frame has the opcode {opcode}")
        for opcode in ("1", 1.0, None):
            self.assertRaises(TypeError, self.encode_frame, opcode, b"", masked=False)

    def test_flags_are_keyword_arguments(self):
        for wrong in ({}, {"masked": True, "mask": b"abcd"}, {"fin": True}):
            self.assertRaises(TypeError, self.encode_frame, BINARY, b"", **wrong)
        self.assertRaises(TypeError, self.encode_frame, BINARY, b"", True)
        self.assertRaises(TypeError, self.encode_frame, BINARY, masked=True)

    def test_flags_may_be_anything_that_is_true_or_false(self):
        self.assertEqual(self.encode_frame(TEXT, b"", masked=[], fin="", rsv1=2), b"\x41\x00")
        undecided = UndecidedTruth()
        self.assertRaises(LookupError, self.encode_frame, TEXT, b"", masked=undecided)


class UndecidedTruth:
    def __bool__(self):
        raise LookupError


@in_c
class ExamplesOfTheRfcInCTests(ExamplesOfTheRfcTests):
    encode_frame = staticmethod(encode_frame)


@in_c
class LengthInCTests(LengthTests):
    encode_frame = staticmethod(encode_frame)


@in_c
class MaskedFramesInCTests(MaskedFramesTests):
    encode_frame = staticmethod(encode_frame)


@in_c
class CompressedFramesInCTests(CompressedFramesTests):
    encode_frame = staticmethod(encode_frame)


@in_c
class EncodeFrameInCTests(EncodeFrameTests):
    encode_frame = staticmethod(encode_frame)


class EncodeHeaderTests(TestCase):
    def test_it_is_that_of_the_whole_frame(self):
        for size in (0, 125, 126, 2**16 - 1, 2**16):
            frame = encode_frame(BINARY, bytes(size), masked=False)
            self.assertEqual(encode_header(BINARY, size) + bytes(size), frame)
