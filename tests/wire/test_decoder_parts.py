"""A decoder keeps a message whose end hasn't come."""

import sys

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.both_ends import bytewise
from tests.support.implementations import counts_references
from tests.support.memory import traced
from tests.support.strategies import cuts, pieces
from tests.support.tallies import counted
from tests.support.twins import in_c, pure
from tests.wire import same_each_time
from txws2.wire.decoder import Decoder
from txws2.wire.deflater import Deflater, Inflater
from txws2.wire.events import Remainder
from txws2.wire.exceptions import PayloadTooBig, ProtocolError
from txws2.wire.frames import BINARY, CONT, PING, TEXT, encode_frame

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
    "a high surrogate": b"\xed\xa0",
    "the last high surrogate": b"\xed\xaf",
    "a low surrogate": b"\xed\xb0",
}
HELLO = bytes.fromhex("f248cdc9c90700")
AGAIN = bytes.fromhex("f200110000")


def fragments(opcode, *parts, masked=True, rsv1=False, ends=True):
    """Return a frame for each part of a message; the last one ends it if `ends`."""
    last = len(parts) - 1
    return [
        encode_frame(
            CONT if number else opcode,
            part,
            masked=masked,
            fin=ends and number == last,
            rsv1=rsv1 and not number,
        )
        for number, part in enumerate(parts)
    ]


class DecoderTests(TestCase):
    Decoder = pure("Decoder")

    def setUp(self):
        self.messages = []

    def decoder(self, *, masked=True, max_size=None, max_fragments=None, inflates=False):
        class Example(self.Decoder):
            """A decoder that inflates."""

            def inflate_part(self, part, before, last):
                room = None if max_size is None else max_size - before
                if last:
                    return self.inflater.finish(room, part)
                return self.inflater.inflate(part, room)

        decoder = Example()
        decoder.inflater = Inflater(15, True)
        decoder.client, decoder.inflates = not masked, inflates
        decoder.max_size, decoder.max_fragments = max_size, max_fragments
        return decoder

    def decode(self, decoder, *reads):
        """Decode reads that are taken whole; return the messages."""
        messages = []
        for read in reads:
            self.assertEqual(decoder.decode(read, 0, messages), len(read))
        return messages

    def too_big(self, decoder, read):
        exc = self.assertRaises(PayloadTooBig, decoder.decode, read, 0, [])
        self.assertEqual(exc.code, 1009)
        return exc.size, exc.max_size, exc.unit


class CutFramesTests(DecoderTests):
    def test_a_read_may_end_anywhere(self):
        for masked in (False, True):
            for size in (0, 1, 7, 125, 126, 300):
                sent = ["x" * size, bytes(size), "é" * size, "€\U0001f984" * size]
                stream = b"".join(
                    encode_frame(
                        TEXT if isinstance(message, str) else BINARY,
                        message.encode() if isinstance(message, str) else message,
                        masked=masked,
                    )
                    for message in sent
                )
                for cut in range(len(stream) + 1):
                    decoder = self.decoder(masked=masked)
                    found = self.decode(decoder, stream[:cut], stream[cut:])
                    self.assertEqual(found, sent)
                    self.assertEqual((decoder.unfinished, decoder.held), (0, b""))
                self.assertEqual(self.decode(self.decoder(masked=masked), *bytewise(stream)), sent)

    def test_it_is_known_what_is_missing_and_what_is_here(self):
        for masked in (False, True):
            decoder, frame = (
                self.decoder(masked=masked),
                encode_frame(TEXT, b"Hello", masked=masked),
            )
            header = len(frame) - 5
            states = []
            for byte in bytewise(frame):
                self.decode(decoder, byte)
                states.append((decoder.fragmented, decoder.missing, decoder.unfinished))
            head = [(False, 0, 0)] * (header - 1)
            body = [(True, 5 - come, come) for come in range(5)]
            self.assertEqual(states, [*head, *body, (False, 0, 0)])
            self.assertEqual(counted(decoder)["payload_in"], 5)

    def test_the_beginning_of_a_header_is_held(self):
        decoder, frame = self.decoder(), encode_frame(BINARY, bytes(70_000), masked=True)
        for cut in range(1, 14):
            self.decode(decoder, frame[cut - 1 : cut])
            self.assertEqual(decoder.held, frame[:cut])
        self.assertEqual(self.decode(decoder, frame[13:]), [bytes(70_000)])

    def test_a_wrong_byte_of_a_header_is_left(self):
        for held, wrong in ((b"\x82", b"\x01"), (b"\x82\xff", b"\x80"), (b"\x82\xfe\x00", b"\x01")):
            decoder, messages = self.decoder(), []
            self.decode(decoder, held)
            self.assertEqual(decoder.decode(wrong, 0, messages), 0)
            self.assertEqual((decoder.held, messages), (held, []))

    def test_a_control_frame_that_is_held_is_left(self):
        ping = encode_frame(PING, bytes(125), masked=True)
        for cut in (1, 5, 20, len(ping) - 1):
            decoder, messages = self.decoder(), []
            decoder.held = ping[:cut]
            self.assertEqual(decoder.decode(ping[cut:], 0, messages), 0)
            decoder.held = b""
            self.assertEqual(self.decode(decoder, encode_frame(TEXT, b"a", masked=True)), ["a"])

    def test_held_bytes_do_not_end_a_message(self):
        decoder = self.decoder()
        first, last = fragments(TEXT, b"a", b"b")
        self.decode(decoder, first)
        decoder.held = b"\x89"
        decoder.held = b""
        self.assertEqual(self.decode(decoder, last), ["ab"])


class FragmentsTests(DecoderTests):
    def test_the_first_frame_decides_the_kind(self):
        for opcode, expected in ((TEXT, "abc"), (BINARY, b"abc")):
            for masked in (False, True):
                decoder = self.decoder(masked=masked)
                for _ in range(3):
                    stream = b"".join(fragments(opcode, b"a", b"", b"bc", b"", masked=masked))
                    self.assertEqual(self.decode(decoder, stream), [expected])
                    self.assertEqual(self.decode(decoder, *bytewise(stream)), [expected])

    def test_they_are_counted(self):
        decoder = self.decoder()
        self.decode(decoder, *fragments(TEXT, b"a", b"b", b"c"), *fragments(BINARY, b"d", b""))
        counts = counted(decoder)
        self.assertEqual(counts["payload_in"], 4)
        found = {opcode: number for opcode, number in counts["frames_in"].items() if number}
        self.assertEqual(found, {TEXT: 1, BINARY: 1, CONT: 3})

    def test_another_message_or_a_control_frame_between_is_left(self):
        for other in (TEXT, BINARY, PING):
            decoder = self.decoder()
            self.decode(decoder, *fragments(TEXT, b"a", ends=False))
            frame = encode_frame(other, b"x", masked=True)
            self.assertEqual(decoder.decode(frame, 0, self.messages), 0)
            self.assertEqual((decoder.fragmented, decoder.unfinished), (True, 1))

    def test_a_fragment_is_not_compressed_by_itself(self):
        decoder = self.decoder(inflates=True)
        self.decode(decoder, *fragments(TEXT, b"a", ends=False))
        frame = encode_frame(CONT, b"x", masked=True, rsv1=True)
        self.assertEqual(decoder.decode(frame, 0, self.messages), 0)

    def test_max_size_is_for_all_together(self):
        """Attack 2: the next frame's header tells it."""
        decoder = self.decoder(max_size=10)
        self.decode(decoder, *fragments(BINARY, bytes(4), bytes(3), ends=False))
        self.assertEqual(self.too_big(decoder, b"\x80\x84" + bytes(4)), (11, 10, "bytes"))
        decoder = self.decoder(max_size=10)
        for _ in range(2):
            read = b"".join(fragments(BINARY, bytes(4), bytes(3), bytes(3)))
            self.assertEqual(self.decode(decoder, read), [bytes(10)])

    def test_sizes_that_no_memory_has_do_not_overflow(self):
        decoder = self.decoder()
        self.decode(decoder, *fragments(BINARY, b"a", ends=False))
        self.decode(decoder, b"\x80\xff" + (2**63 - 1).to_bytes(8) + bytes(4) + b"b")
        self.assertEqual((decoder.unfinished, decoder.missing), (2, 2**63 - 2))
        decoder = self.decoder(max_size=2**63 - 2)
        self.decode(decoder, *fragments(BINARY, b"a", ends=False))
        read = b"\x80\xff" + (2**63 - 1).to_bytes(8) + bytes(4)
        self.assertEqual(self.too_big(decoder, read), (2**63, 2**63 - 2, "bytes"))

    def test_a_message_may_have_as_many_as_max_fragments(self):
        """Attack 2, with fragments that are empty."""
        decoder = self.decoder(max_fragments=3)
        empty = [b""] * 3
        for _ in range(2):
            self.assertEqual(self.decode(decoder, *fragments(TEXT, *empty)), [""])
        self.decode(decoder, *fragments(TEXT, *empty, ends=False))
        found = self.too_big(decoder, encode_frame(CONT, b"", masked=True))
        self.assertEqual(found, (4, 3, "fragments"))

    def test_without_a_limit_there_may_be_any_number(self):
        decoder = self.decoder()
        self.decode(decoder, b"".join(fragments(BINARY, *[b"a"] * 100_000, ends=False)))
        self.assertEqual(decoder.unfinished, 100_000)


class TextTests(DecoderTests):
    """Attack 16: the byte that shows it fails, wherever reads and frames end."""

    def fails_at_the_last_byte(self, bad, *, fragmented, before=b""):
        decoder = self.decoder()
        self.decode(decoder, encode_frame(TEXT, before, masked=True, fin=False))
        if fragmented:
            reads = [encode_frame(CONT, byte, masked=True, fin=False) for byte in bytewise(bad)]
        else:
            frame = encode_frame(CONT, bad + bytes(9), masked=True)
            reads = [frame[:6], *bytewise(frame[6 : 6 + len(bad)])]
        self.decode(decoder, *reads[:-1])
        before = decoder.unfinished
        exc = self.assertRaises(ProtocolError, decoder.decode, reads[-1], 0, [])
        self.assertEqual((exc.code, str(exc)), (1007, "invalid UTF-8 in text message"))
        self.assertEqual(decoder.unfinished, before)
        return exc

    def test_each_kind_of_wrong_byte(self):
        for bad in BAD.values():
            for fragmented in (False, True):
                for before in (b"", b"good", "\U0001f984€é".encode() * 9):
                    self.fails_at_the_last_byte(bad, fragmented=fragmented, before=before)

    def test_the_codec_s_error_is_the_cause(self):
        exc = self.fails_at_the_last_byte(b"\xff", fragmented=True)
        self.assertIsInstance(exc.__cause__, UnicodeDecodeError)

    def test_a_character_must_be_whole_at_the_end(self):
        for text in (b"\xe2\x82", b"a\xc3", b"\xf0\x9f\xa6"):
            decoder = self.decoder()
            self.decode(decoder, *fragments(TEXT, text, ends=False))
            read = encode_frame(CONT, b"", masked=True)
            exc = self.assertRaises(ProtocolError, decoder.decode, read, 0, [])
            self.assertEqual((exc.code, str(exc)), (1007, "invalid UTF-8 in text message"))
            self.assertIsInstance(exc.__cause__, UnicodeDecodeError)

    def test_every_first_and_last_character_of_each_length(self):
        edges = "\0\x7f\x80\u07ff\u0800\u0fff\u1000\ucfff\ud7ff\ue000\uffff\U00010000\U0010ffff"
        for text in (edges, edges * 9, *edges):
            frame = encode_frame(TEXT, text.encode(), masked=False)
            for decoder in (self.decoder(masked=False), self.decoder(masked=False)):
                self.assertEqual(self.decode(decoder, *bytewise(frame)), [text])
                self.assertEqual(self.decode(decoder, frame[:-1], frame[-1:]), [text])

    def test_every_pair_of_bytes_is_as_the_codec_has_it(self):
        for first in range(0x80, 0x100):
            for second in (0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0):
                text = bytes([first, second, 0x80, 0x80][: 2 + (first >= 0xE0) + (first >= 0xF0)])
                try:
                    expected = [text.decode()]
                except UnicodeDecodeError:
                    expected = ProtocolError
                for before in (b"", b"x" * 8):
                    first_read, last_read = fragments(TEXT, before, text)
                    decoder = self.decoder()
                    self.decode(decoder, first_read)
                    if expected is ProtocolError:
                        self.assertRaises(ProtocolError, decoder.decode, last_read, 0, [])
                    else:
                        found = self.decode(decoder, last_read)
                        self.assertEqual(found, [before.decode() + expected[0]])

    @same_each_time
    @given(st.text(), cuts, cuts)
    def test_any_parts_of_any_text(self, text, frames, reads):
        stream = b"".join(fragments(TEXT, *pieces(text.encode(), frames)))
        self.assertEqual(self.decode(self.decoder(), *pieces(stream, reads)), [text])


class TakeTests(DecoderTests):
    def test_a_part_that_was_taken_comes_no_more(self):
        for opcode, expected in ((TEXT, ["ab", "cd", "e"]), (BINARY, [b"ab", b"cd", b"e"])):
            for masked in (False, True):
                decoder = self.decoder(masked=masked)
                frame = encode_frame(opcode, b"abcde", masked=masked)
                found = []
                for end in (len(frame) - 3, len(frame) - 1):
                    start = 0 if not found else len(frame) - 3
                    self.decode(decoder, frame[start:end])
                    found.append(decoder.take_part())
                    self.assertEqual(decoder.unfinished, 0)
                rest = self.decode(decoder, frame[-1:])
                self.assertEqual((found, rest), (expected[:2], [Remainder(expected[2])]))

    def test_the_rest_may_be_empty(self):
        for opcode, nothing in ((TEXT, ""), (BINARY, b"")):
            decoder = self.decoder()
            first, last = fragments(opcode, b"a", b"")
            self.decode(decoder, first)
            decoder.take_part()
            self.assertEqual(decoder.take_part(), nothing)
            self.assertEqual(self.decode(decoder, last), [Remainder(nothing)])
            again = encode_frame(opcode, b"a", masked=True)
            self.assertEqual(self.decode(decoder, again), ["a" if opcode == TEXT else b"a"])

    def test_only_whole_characters_can_be_taken(self):
        decoder = self.decoder()
        first, last = fragments(TEXT, b"a\xe2\x82", b"\xac")
        self.decode(decoder, first)
        self.assertEqual(decoder.unfinished, 3)
        self.assertEqual((decoder.take_part(), decoder.unfinished), ("a", 0))
        self.assertEqual(decoder.take_part(), "")
        self.assertEqual(self.decode(decoder, last), [Remainder("\u20ac")])

    def test_wherever_they_are_taken_the_text_is_the_same(self):
        text = "aé€\U0001f984" * 3
        frame = encode_frame(TEXT, text.encode(), masked=True)
        for step in range(1, 9):
            decoder, found = self.decoder(), []
            for start in range(0, len(frame) - 1, step):
                self.decode(decoder, frame[start : start + step][: len(frame) - 1 - start])
                if decoder.fragmented:
                    found.append(decoder.take_part())
            [rest] = self.decode(decoder, frame[-1:])
            self.assertEqual("".join([*found, rest.rest]), text)

    def test_max_size_counts_a_part_that_was_taken_and_max_fragments_does_not(self):
        decoder = self.decoder(max_size=10, max_fragments=2)
        for _ in range(3):
            self.decode(decoder, *fragments(BINARY, b"123", ends=False)[:1]) if not (
                decoder.fragmented
            ) else self.decode(decoder, encode_frame(CONT, b"123", masked=True, fin=False))
            decoder.take_part()
        self.assertEqual(self.too_big(decoder, b"\x80\x82" + bytes(4)), (11, 10, "bytes"))

    def test_without_a_message_there_is_none(self):
        decoder = self.decoder()
        for read in (b"", b"\x82"):
            self.decode(decoder, read)
            exc = self.assertRaises(ValueError, decoder.take_part)
            self.assertEqual(str(exc), "no message is unfinished")


class CompressedTests(DecoderTests):
    def compressed(self, opcode, *parts, ends=True):
        return fragments(opcode, *parts, rsv1=True, ends=ends)

    def test_a_message_is_inflated_wherever_reads_and_frames_end(self):
        for opcode, expected in ((TEXT, "Hello"), (BINARY, b"Hello")):
            for parts in ([HELLO], [HELLO[:3], b"", HELLO[3:]], [HELLO, b""], [b"", HELLO]):
                stream = b"".join(
                    [*self.compressed(opcode, *parts), *self.compressed(opcode, AGAIN)]
                )
                for cut in range(len(stream)):
                    decoder = self.decoder(inflates=True)
                    decoder.inflater = Inflater(15, True)
                    found = self.decode(decoder, stream[:cut], stream[cut:])
                    self.assertEqual(found, [expected] * 2)
                    self.assertEqual(counted(decoder)["payload_in"], 10)

    def test_it_is_counted_after_inflating(self):
        decoder = self.decoder(inflates=True)
        decoder.inflater = Inflater(15, True)
        part = Deflater(15, False, 6, 5).compress(b"x" * 999, False)
        self.decode(decoder, *self.compressed(BINARY, part, ends=False))
        self.assertEqual(decoder.unfinished, 999)
        self.assertEqual(decoder.take_part(), b"x" * 999)
        [rest] = self.decode(decoder, encode_frame(CONT, b"", masked=True))
        self.assertEqual(rest, Remainder(b""))

    def test_without_compression_it_is_left(self):
        frame = self.compressed(TEXT, HELLO)[0]
        self.assertEqual(self.decoder().decode(frame, 0, self.messages), 0)

    def test_text_must_be_utf8_once_it_is_inflated(self):
        for bad in BAD.values():
            for parts in ([b"good " + bad], [b"good ", bad]):
                ours = Deflater(15, True, 6, 5)
                squeezed = [ours.compress(part, False) for part in parts]
                decoder = self.decoder(inflates=True)
                decoder.inflater = Inflater(15, True)
                frames = self.compressed(TEXT, *squeezed, ends=len(parts) == 1)
                self.decode(decoder, *frames[:-1])
                exc = self.assertRaises(ProtocolError, decoder.decode, frames[-1], 0, [])
                self.assertEqual((exc.code, str(exc)), (1007, "invalid UTF-8 in text message"))

    def test_a_frame_may_be_a_little_longer_than_max_size(self):
        """Compression makes a payload longer that can't be compressed."""
        for max_size, most in ((0, 64), (1000, 1314), (2**20, 2**20 + 2**18 + 64)):
            for size in (most, most + 1):
                decoder = self.decoder(inflates=True, max_size=max_size)
                head = encode_frame(BINARY, bytes(size), masked=True, rsv1=True)[:-size]
                if size == most:
                    self.decode(decoder, head)
                else:
                    self.assertEqual(self.too_big(decoder, head), (size, max_size, "bytes"))
        decoder = self.decoder(inflates=True, max_size=2**70)
        self.decode(decoder, b"\xc2\xff" + (2**63 - 1).to_bytes(8) + bytes(4))

    def test_an_exception_of_inflating_passes(self):
        for raised in (ProtocolError("no", 1002), PayloadTooBig(2, 1), ZeroDivisionError()):
            decoder = self.decoder(inflates=True)

            def fail(*_, raised=raised):
                raise raised

            decoder.inflate_part = fail
            [frame] = self.compressed(BINARY, b"x")
            exc = self.assertRaises(type(raised), decoder.decode, frame, 0, [])
            self.assertIs(exc, raised)


class MemoryTests(DecoderTests):
    """Attack 4: memory follows the bytes that have arrived."""

    def test_a_length_that_is_only_announced_costs_nothing(self):
        for opcode in (TEXT, BINARY):
            for length in (2**31 - 1, 2**31, 2**32, 2**40, 2**60, 2**63 - 1):
                decoders = [self.decoder() for _ in range(100)]
                head = bytes([0x80 | opcode, 0xFF]) + length.to_bytes(8) + bytes(4)
                with traced() as memory:
                    for decoder in decoders:
                        self.decode(decoder, head + b"x")
                        self.assertEqual(decoder.missing, length - 1)
                    used, _ = memory()
                self.assertLess(used, 200_000)

    def test_memory_follows_the_bytes_that_have_arrived(self):
        for opcode, least in ((BINARY, 2), (TEXT, 5)):
            decoder = self.decoder()
            part = b"x" * 10_000
            with traced() as memory:
                self.decode(decoder, bytes([0x80 | opcode, 0xFF]) + (2**40).to_bytes(8) + bytes(4))
                for arrived in range(10_000, 1_000_000, 10_000):
                    self.decode(decoder, part)
                    used, _ = memory()
                    self.assertLess(used, least * arrived + 30_000)

    def test_little_memory_is_kept_for_the_next_large_messages(self):
        decoder = self.decoder()
        frame = encode_frame(BINARY, bytes(2**20), masked=True)
        with traced() as memory:
            for _ in range(40):
                self.decode(decoder, frame[:100])
                self.assertEqual(self.decode(decoder, frame[100:]), [bytes(2**20)])
            self.messages.clear()
            used, _ = memory()
        self.assertLess(used, 17 * 2**20)

    def test_large_payloads(self):
        for size in (125, 126, 65535, 65536, 65537, 1_000_003):
            payload = (bytes(range(128)) * (size // 128 + 1))[:size]
            for opcode in (TEXT, BINARY):
                frame = encode_frame(opcode, payload, masked=True)
                expected = payload.decode() if opcode == TEXT else payload
                for step in (4093, 65536, 10**6):
                    reads = [frame[at : at + step] for at in range(0, len(frame), step)]
                    self.assertEqual(self.decode(self.decoder(), *reads), [expected])

    def decode_large(self, decoder, expected):
        opcode = TEXT if isinstance(expected, str) else BINARY
        payload = expected.encode() if opcode == TEXT else expected
        frame = encode_frame(opcode, payload, masked=False)
        [message] = self.decode(decoder, frame[:1000], frame[1000:])
        self.messages.clear()
        return message

    def test_a_large_one_that_somebody_has_stays_as_it_is(self):
        """The memory of a payload may be used again once nobody refers to the payload."""
        size = 256 * 1024
        for contents in ([bytes([number]) * size for number in range(10)], list("abcdefghé")):
            expected = [content * (size // len(content)) for content in contents]
            decoder = self.decoder(masked=False)
            self.assertEqual([self.decode_large(decoder, one) for one in expected], expected)

    @counts_references
    def test_a_payload_that_nobody_has_any_more_leaves_no_trace(self):
        decoder = self.decoder(masked=False)
        for number, size in enumerate((300_000, 300_000, 299_999, 200_000, 150_001, 300_000)):
            for content in bytes([number]), chr(number + 65):
                expected = content * size
                payload = self.decode_large(decoder, expected)
                self.assertEqual(payload, expected)
                self.assertEqual(hash(payload), hash(expected))
                self.assertEqual(sys.getsizeof(payload), sys.getsizeof(expected))
                del payload

    def test_a_large_text_leaves_nothing_in_one_that_is_not_ascii(self):
        decoder = self.decoder(masked=False)
        for content in "a", "é", "b", "日", "c":
            expected = content * 100_000
            self.assertEqual(self.decode_large(decoder, expected), expected)

    def test_a_decoder_may_end_within_a_message(self):
        for _ in range(100):
            decoder = self.decoder()
            self.decode(decoder, b"\x82\xff", bytes(3))
            decoder = self.decoder()
            self.decode(decoder, *fragments(TEXT, bytes(1000), ends=False))


del DecoderTests


@in_c
class CutFramesInCTests(CutFramesTests):
    Decoder = Decoder


@in_c
class FragmentsInCTests(FragmentsTests):
    Decoder = Decoder


@in_c
class TextInCTests(TextTests):
    Decoder = Decoder


@in_c
class TakeInCTests(TakeTests):
    Decoder = Decoder


@in_c
class CompressedInCTests(CompressedTests):
    Decoder = Decoder


@in_c
class MemoryInCTests(MemoryTests):
    Decoder = Decoder

    @counts_references
    def test_a_large_text_in_the_table_of_interned_ones_is_not_used_again(self):
        """The table doesn't count its references."""
        decoder = self.decoder(masked=False)
        interned = id(sys.intern(self.decode_large(decoder, "a" * 300_000)))
        self.assertNotEqual(id(self.decode_large(decoder, "b" * 300_000)), interned)
