import random
import sys
import zlib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.support import blocks, bombs
from tests.support.blocks import TAIL
from tests.support.memory import traced
from tests.support.strategies import cuts, pieces
from tests.support.zlibs import ZlibTestCase, with_ng
from tests.wire import same_each_time
from txws2.exceptions import PayloadTooBig, ProtocolError
from txws2.wire import zlib_library as zlibs
from txws2.wire.deflater import Deflater, Inflater

HELLO = bytes.fromhex("f248cdc9c90700")
AGAIN = bytes.fromhex("f200110000")
FINAL = bytes.fromhex("f348cdc9c9070000")
FINISHED = FINAL[:-1]
NOTHING_FINAL = b"\x03\x00"
STORED = bytes.fromhex("000500faff48656c6c6f00")


def deflater(window_bits=15, takeover=True, level=6, memory_level=5):
    return Deflater(window_bits, takeover, level, memory_level)


def inflater(window_bits=15, takeover=True):
    return Inflater(window_bits, takeover)


def in_bytes(data):
    return [data[at : at + 1] for at in range(len(data))]


def part_of_hello(room):
    return inflater().inflate(HELLO, room)


def memory_of(call):
    """Return the memory that a call keeps, and the most that it took."""
    with traced() as memory:
        result = call()
        return result, *memory()


class InflaterTestCase(ZlibTestCase):
    def inflated(self, *messages, takeover=True, room=None):
        """Return each message; it is the same, inflated at once and byte by byte."""
        whole, apart = inflater(takeover=takeover), inflater(takeover=takeover)
        result = [whole.finish(room, message) for message in messages]
        for message, expected in zip(messages, result, strict=True):
            found, left = [], room
            for byte in in_bytes(message):
                found.append(apart.inflate(byte, left))
                left = None if left is None else left - len(found[-1])
            self.assertEqual(b"".join([*found, apart.finish(left)]), expected)
        return result

    def fails(self, data, reason="decompression failed"):
        exc = self.assertRaises(ProtocolError, inflater().finish, None, data)
        self.assertEqual((exc.code, str(exc)), (1002, reason))
        return exc


class ExamplesOfTheRfcTests(InflaterTestCase):
    """RFC 7692 section 7.2.3, to the byte."""

    def test_one_block(self):
        """Section 7.2.3.1."""
        self.assertEqual(deflater().compress(b"Hello"), HELLO)
        self.assertEqual(self.inflated(HELLO), [b"Hello"])

    def test_sharing_the_window(self):
        """Section 7.2.3.2."""
        ours = deflater()
        self.assertEqual([ours.compress(b"Hello") for _ in range(2)], [HELLO, AGAIN])
        self.assertEqual(self.inflated(HELLO, AGAIN), [b"Hello", b"Hello"])

    def test_a_block_without_compression(self):
        """Section 7.2.3.3."""
        self.assertEqual(self.inflated(STORED, HELLO), [b"Hello", b"Hello"])

    def test_a_final_block(self):
        """Section 7.2.3.4."""
        self.assertEqual(self.inflated(FINAL), [b"Hello"])

    def test_two_blocks(self):
        """Section 7.2.3.5."""
        ours = deflater()
        first, second = bytes.fromhex("f248050000 00ffff"), bytes.fromhex("cac9c90700")
        self.assertEqual([ours.compress(b"He", False), ours.compress(b"llo")], [first, second])
        self.assertEqual(self.inflated(first + second), [b"Hello"])

    def test_an_empty_message(self):
        """Section 7.2.3.6."""
        for ours in (deflater(), deflater(takeover=False)):
            self.assertEqual([ours.compress(b"") for _ in range(3)], [b"\x00"] * 3)
        self.assertEqual(self.inflated(b"\x00", b"\x00", HELLO), [b"", b"", b"Hello"])


class DeflaterTests(ZlibTestCase):
    def test_with_takeover_messages_refer_to_those_before(self):
        ours = deflater()
        noise = random.Random(7).randbytes(1000)
        first, second = ours.compress(noise), ours.compress(noise)
        self.assertGreater(len(first), 1000)
        self.assertLess(len(second), 50)

    def test_without_it_each_is_on_its_own(self):
        ours = deflater(takeover=False)
        self.assertEqual([ours.compress(b"Hello") for _ in range(3)], [HELLO] * 3)

    def test_without_it_the_parts_of_one_belong_together(self):
        ours = deflater(takeover=False)
        noise = random.Random(7).randbytes(1000)
        self.assertGreater(len(ours.compress(noise, False)), 1000)
        self.assertLess(len(ours.compress(noise)), 50)
        self.assertGreater(len(ours.compress(noise)), 1000)

    def test_parts_may_be_empty(self):
        ours, theirs = deflater(), inflater()
        for parts in ((b"", b"Hello"), (b"Hello", b""), (b"", b""), (b"", b"a", b"", b"b", b"")):
            *first, last = parts
            data = [ours.compress(part, False) for part in first] + [ours.compress(last)]
            self.assertTrue(data[-1])
            self.assertEqual(theirs.finish(None, b"".join(data)), b"".join(parts))

    def test_a_part_can_be_inflated_as_soon_as_it_is_there(self):
        ours, theirs = deflater(), inflater()
        for part in (b"Hello", b", ", b"world"):
            self.assertEqual(theirs.inflate(ours.compress(part, False), None), part)

    def test_the_window_reaches_as_far_as_was_said(self):
        noise = random.Random(7).randbytes
        for bits in range(9, 16):
            # zlib keeps some of the window to itself.
            for distance, found in ((2**bits - 400, True), (2**bits, False)):
                ours, start = deflater(bits), noise(64)
                ours.compress(start + noise(distance))
                self.assertEqual(len(ours.compress(start)) < 64, found, msg=(bits, distance))

    def test_level_and_memory_level_are_zlib_s(self):
        data = b"".join(b"%d %d\n" % (n * n, n % 7) for n in range(5000))
        for level, memory_level in ((1, 9), (9, 1), (9, 9)):
            made = zlibs.compressor(12, level, memory_level)
            expected = made.compress(data) + made.flush(zlib.Z_SYNC_FLUSH)
            ours = deflater(12, True, level, memory_level)
            self.assertEqual(ours.compress(data) + b"\x00\x00\xff\xff", expected)


class ApartTests(ZlibTestCase):
    def test_a_message_apart_refers_to_none_and_none_to_it(self):
        ours, inflater = Deflater(15, True, 6, 5), Inflater(15, True)
        message = b"Hello Hello Hello"
        first, apart, again = (
            ours.compress(message),
            ours.compress_apart(message),
            ours.compress_apart(message),
        )
        self.assertEqual(first, apart)
        self.assertEqual(apart, again)
        ours.forget()
        after = ours.compress(message)
        self.assertEqual(after, first)
        for data in (first, apart, again, after, ours.compress(message)):
            self.assertEqual(inflater.finish(None, data), message)

    def test_those_of_one_kind_make_the_same_of_it(self):
        kinds = {Deflater(*each).kind for each in ((15, True, 6, 5), (15, False, 6, 5))}
        self.assertEqual(len(kinds), 1)
        for other in ((14, True, 6, 5), (15, True, 5, 5), (15, True, 6, 4)):
            self.assertNotIn(Deflater(*other).kind, kinds)


class RestTests(ZlibTestCase):
    def test_a_stream_in_use_is_kept(self):
        ours = deflater()
        ours.compress(b"Hello")
        ours.rest()
        self.assertEqual(ours.compress(b"Hello"), AGAIN)

    def test_an_unused_stream_is_given_back(self):
        ours = deflater()
        ours.compress(b"Hello")
        ours.rest()
        ours.rest()
        self.assertEqual(ours.compress(b"Hello"), HELLO)

    def test_everything_is_as_at_first_after_the_rest(self):
        ours = deflater()
        for _ in range(3):
            ours.rest()
            self.assertEqual(ours.compress(b"Hello"), HELLO)
            ours.rest()
            self.assertEqual(ours.compress(b"Hello"), AGAIN)
            ours.rest()
            ours.rest()

    def test_memory_is_taken_with_the_first_message_and_given_back(self):
        made = []
        for call, least, most in (
            (lambda: made.append(deflater()), 0, 1000),
            (lambda: made[0].compress(b"Hello"), 2**15, 2**19),
        ):
            _, kept, _ = memory_of(call)
            self.assertTrue(least <= kept <= most, kept)

        def used_and_rested():
            made[0].rest()
            made[0].compress(b"Hello")
            made[0].rest()
            made[0].rest()

        made[0].rest()
        _, kept, peak = memory_of(used_and_rested)
        self.assertLess(kept, 1000)
        self.assertGreater(peak, 2**15)

    def test_the_peer_notices_nothing(self):
        ours, theirs = deflater(), inflater()
        for number in range(20):
            if number % 3 == 0:
                ours.rest()
                ours.rest()
            message = b"Hello, number %d" % number
            self.assertEqual(theirs.finish(None, ours.compress(message)), message)

    def test_the_peer_notices_nothing_within_a_message(self):
        for takeover in (True, False):
            ours, theirs = deflater(takeover=takeover), inflater(takeover=takeover)
            data = ours.compress(b"Hello, ", False)
            ours.rest()
            ours.rest()
            data += ours.compress(b"Hello")
            self.assertEqual(theirs.finish(None, data), b"Hello, Hello")


class InflaterTests(InflaterTestCase):
    def test_takeover_is_as_it_was_said(self):
        self.assertEqual(self.inflated(HELLO, AGAIN), [b"Hello"] * 2)
        self.assertEqual(self.inflated(HELLO, HELLO, takeover=False), [b"Hello"] * 2)

    def test_without_it_nothing_before_can_be_referred_to(self):
        theirs = inflater(takeover=False)
        theirs.finish(None, HELLO)
        self.assertRaises(ProtocolError, theirs.finish, None, AGAIN)

    def test_parts_may_be_empty(self):
        theirs = inflater()
        self.assertEqual(theirs.inflate(b"", None), b"")
        self.assertEqual(theirs.finish(None, HELLO), b"Hello")
        self.assertEqual(theirs.inflate(b"", None), b"")

    def test_a_message_may_have_no_bytes(self):
        """Section 7.2.3.6 has a byte here, some peers none. The tail must not begin a block."""
        for messages in ([b"", HELLO, b"", AGAIN], [b"", STORED], [HELLO, b"", b"", STORED]):
            expected = [b"Hello" if message else b"" for message in messages]
            self.assertEqual(self.inflated(*messages), expected)

    def test_a_part_is_inflated_as_soon_as_it_is_there(self):
        theirs = inflater()
        found = [theirs.inflate(byte, None) for byte in in_bytes(HELLO)]
        self.assertEqual(b"".join(found), b"Hello")

    def test_windows_of_every_size(self):
        data = random.Random(7).randbytes(2000) * 40
        for bits in range(9, 16):
            ours = deflater(bits)
            for theirs in (inflater(bits), inflater(15)):
                self.assertEqual(theirs.finish(None, ours.compress(data)), data)
                ours = deflater(bits)

    def test_a_window_of_8_is_taken_for_one_of_9(self):
        """Old versions of zlib's compressor did that."""
        noise = random.Random(7).randbytes(400)
        ours, theirs = deflater(10), inflater(8)
        for most in (500, 20):
            data = ours.compress(noise)
            self.assertLess(len(data), most)
            self.assertEqual(theirs.finish(None, data), noise)

    def test_a_reference_beyond_the_window_is_refused(self):
        data = deflater(15).compress(random.Random(7).randbytes(20000) * 2)
        self.assertRaises(ProtocolError, inflater(10).finish, None, data)

    def test_garbage_is_refused(self):
        for data in (b"\xff", b"\x07", b"\x00\x05\x00\x00\x00Hello", AGAIN):
            exc = self.fails(data)
            self.assertIsInstance(exc.__cause__, zlibs.error())

    def test_data_in_the_format_of_zlib_or_gzip_is_refused(self):
        for bits in (15, 31):
            compressor = zlib.compressobj(6, zlib.DEFLATED, bits)
            self.fails(compressor.compress(b"Hello") + compressor.flush())

    @same_each_time
    @given(st.lists(st.binary(max_size=60)), st.sampled_from([None, 0, 1, 50]), st.booleans())
    def test_any_bytes_are_inflated_or_refused(self, parts, room, takeover):
        theirs = inflater(takeover=takeover)
        try:
            for part in parts:
                data = theirs.inflate(part, room)
                self.assertLessEqual(len(data), 2**16 if room is None else room)
            theirs.finish(room)
        except ProtocolError as exc:
            self.assertEqual(exc.code, 1002)
        except PayloadTooBig as exc:
            self.assertGreater(exc.size, room)


class FinalBlocksTests(InflaterTestCase):
    """Attack 26; section 7.2.3.4: a block may be marked as the final one, and others may follow."""

    def test_blocks_may_follow(self):
        self.assertEqual(self.inflated(FINAL[:-1] + HELLO), [b"HelloHello"])
        self.assertEqual(self.inflated(FINAL[:-1] * 5 + b"\x00"), [b"Hello" * 5])

    def test_messages_may_follow(self):
        messages = [FINAL, HELLO, AGAIN, FINAL, FINAL, HELLO]
        self.assertEqual(self.inflated(*messages), [b"Hello"] * 6)

    def test_some_are_fine(self):
        self.assertEqual(self.inflated(NOTHING_FINAL * 15 + HELLO, HELLO), [b"Hello"] * 2)

    def test_each_message_may_have_some(self):
        message = NOTHING_FINAL * 15 + FINAL[-1:]
        self.assertEqual(self.inflated(*[message] * 5), [b""] * 5)

    def test_a_message_may_end_with_one(self):
        """zlib.deflateRawSync of Node writes such a message, as does any flush with Z_FINISH."""
        self.assertEqual(self.inflated(FINISHED, HELLO, AGAIN), [b"Hello"] * 3)
        self.assertEqual(self.inflated(HELLO + TAIL + FINISHED, HELLO), [b"HelloHello", b"Hello"])
        self.assertEqual(self.inflated(FINISHED, FINISHED, takeover=False), [b"Hello"] * 2)
        self.assertEqual(self.inflated(NOTHING_FINAL, STORED, HELLO), [b"", b"Hello", b"Hello"])

    def test_a_new_stream_begins_after_it(self):
        """The next message can't refer to those before the final block."""
        theirs = inflater()
        self.assertEqual(theirs.finish(None, FINISHED), b"Hello")
        self.assertRaises(ProtocolError, theirs.finish, None, AGAIN)

    def test_the_tail_may_be_a_part_of_it(self):
        """The last four bytes of an empty block without compression are left out, as always."""
        self.assertEqual(self.inflated(b"\x01", HELLO), [b"", b"Hello"])
        self.assertEqual(self.inflated(HELLO + TAIL + b"\x01", HELLO), [b"Hello"] * 2)

    def test_one_that_is_not_complete_is_refused(self):
        """The missing bytes would be taken from the tail."""
        stored = bytes.fromhex("010500faff48656c6c6f")
        for data in (FINISHED[:-1], *(stored[:-missing] for missing in (1, 2, 3))):
            self.fails(data, "decompression failed: the final block isn't complete")
            theirs = inflater()
            for byte in in_bytes(data):
                theirs.inflate(byte, None)
            self.assertRaises(ProtocolError, theirs.finish, None)

    def test_too_many_are_refused(self):
        for count in (16, 17, 100000):
            self.fails(
                NOTHING_FINAL * count + b"\x00", "decompression failed: too many final blocks"
            )

    def test_too_many_are_refused_however_they_arrive(self):
        theirs = inflater()
        for byte in in_bytes(NOTHING_FINAL * 16):
            self.assertEqual(theirs.inflate(byte, None), b"")
        exc = self.assertRaises(ProtocolError, theirs.inflate, NOTHING_FINAL[:1], None)
        self.assertEqual(str(exc), "decompression failed: too many final blocks")

    def test_their_bytes_are_counted_together(self):
        data = FINAL[:-1] * 3 + b"\x00"
        self.assertEqual(self.inflated(data, room=15), [b"Hello" * 3])
        for room in (14, 10, 9, 4, 0):
            exc = self.assertRaises(PayloadTooBig, inflater().finish, room, data)
            # As many bytes as it took to find that the message is too large.
            self.assertEqual((exc.size, exc.max_size), (room // 5 * 5 + 5, room))


class RoomTests(InflaterTestCase):
    """Attack 1: a small frame that inflates to gigabytes."""

    def test_as_much_as_there_is_room_for_is_inflated(self):
        for room in (5, 6, 1000, None):
            self.assertEqual(self.inflated(HELLO, AGAIN, room=room), [b"Hello"] * 2)

    def test_more_is_refused(self):
        for room in range(5):
            for inflate in (lambda room: inflater().finish(room, HELLO), part_of_hello):
                exc = self.assertRaises(PayloadTooBig, inflate, room)
                self.assertEqual((exc.size, exc.max_size), (5, room))

    def test_there_may_be_no_room(self):
        self.assertEqual(self.inflated(b"\x00", b"\x00", room=0), [b""] * 2)

    def test_room_may_be_as_large_as_any_number(self):
        for room in (2**31, sys.maxsize - 1, sys.maxsize, 2**64, 2**100):
            self.assertEqual(inflater().finish(room, FINAL), b"Hello")

    def test_a_message_exactly_as_large_in_parts(self):
        noise = random.Random(7).randbytes(5000)
        data = deflater().compress(noise)
        self.assertEqual(self.inflated(data, data, room=5000, takeover=False), [noise] * 2)

    def test_a_bomb_is_stopped(self):
        bomb = bombs.zeros(1024)
        self.assertLess(len(bomb), 2 * 2**20)
        for room in (0, 1000, 2**20):
            peak = self.peak_of_refusal(bomb, room)
            # One more piece, zlib's state, and a copy of the input that is left.
            self.assertLess(peak, room + 2**18 + 2 * len(bomb))

    def test_a_bomb_of_final_blocks_is_stopped(self):
        compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
        one = compressor.compress(bytes(2**20)) + compressor.flush()
        peak = self.peak_of_refusal(one * 15, 2**21)
        self.assertLess(peak, 2**21 + 2**18)

    def peak_of_refusal(self, data, room):
        """Return the memory that it took to find that there is no room for the message."""
        refused = self.assertRaises
        _, _, peak = memory_of(lambda: refused(PayloadTooBig, inflater().inflate, data, room))
        return peak


class AnyMessagesTests(ZlibTestCase):
    """Any message that is compressed is inflated again, in any parts."""

    messages = st.lists(st.lists(st.binary(max_size=300), min_size=1, max_size=4), max_size=6)

    @same_each_time
    @given(messages, st.integers(9, 15), st.booleans(), st.lists(st.integers(0, 999)), st.data())
    def test_compressed_messages_are_inflated(self, messages, bits, takeover, cuts, data):
        ours = deflater(bits, takeover, data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)))
        theirs = inflater(data.draw(st.integers(bits, 15)), takeover)
        for parts in messages:
            if data.draw(st.booleans()):
                ours.rest()
            *first, last = parts
            sent = [ours.compress(part, False) for part in first] + [ours.compress(last)]
            stream = b"".join(sent)
            places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
            found = [theirs.inflate(stream[start:end], None) for start, end in pairwise(places)]
            self.assertEqual(b"".join([*found, theirs.finish(None)]), b"".join(parts))


def _as_zlib_has_it(payload, decompressor):
    """Inflate a message with zlib; return it, and the decompressor for the next one."""
    found, rest = b"", payload + TAIL if payload else b""
    while rest:
        decompressor = decompressor or zlib.decompressobj(-15)
        found += decompressor.decompress(rest)
        if not decompressor.eof:
            break
        rest, decompressor = decompressor.unused_data, None
        if TAIL.endswith(rest):
            break
    return found, decompressor


class LikeZlibTests(ZlibTestCase):
    """Any bytes of a peer are inflated as by zlib, in any parts."""

    @same_each_time
    @given(blocks.messages, blocks.kinds, st.booleans(), cuts)
    def test_messages_of_any_blocks(self, messages, kind, takeover, cuts):
        peer, theirs = blocks.Sender(*kind, takeover), inflater(takeover=takeover)
        for message in messages:
            parts = pieces(peer.payload(message), cuts)
            found = [theirs.inflate(part, None) for part in parts]
            self.assertEqual(b"".join([*found, theirs.finish(None)]), message.data)

    @same_each_time
    @given(st.lists(st.tuples(st.binary(max_size=20), st.sampled_from([b"", HELLO, FINISHED]))))
    def test_garbage_is_inflated_as_zlib_has_it_or_refused(self, messages):
        ours, decompressor = inflater(), None
        for garbage, start in messages:
            payload = start + garbage
            try:
                expected, decompressor = _as_zlib_has_it(payload, decompressor)
            except zlib.error:
                self.assertRaises(ProtocolError, ours.finish, None, payload)
                return
            try:
                self.assertEqual(ours.finish(None, payload), expected)
            except ProtocolError:
                return


@with_ng
class ExamplesOfTheRfcWithNGTests(ExamplesOfTheRfcTests):
    pass


@with_ng
class DeflaterWithNGTests(DeflaterTests):
    pass


@with_ng
class ApartWithNGTests(ApartTests):
    pass


@with_ng
class RestWithNGTests(RestTests):
    pass


@with_ng
class InflaterWithNGTests(InflaterTests):
    pass


@with_ng
class FinalBlocksWithNGTests(FinalBlocksTests):
    pass


@with_ng
class RoomWithNGTests(RoomTests):
    pass


@with_ng
class AnyMessagesWithNGTests(AnyMessagesTests):
    pass


@with_ng
class LikeZlibWithNGTests(LikeZlibTests):
    pass
