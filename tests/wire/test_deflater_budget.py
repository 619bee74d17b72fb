"""Deflaters and inflaters that share a budget: the bytes stay right, the memory is bounded."""

import random
import zlib
from itertools import zip_longest
from unittest import skipUnless

from hypothesis import given
from hypothesis import strategies as st

from tests.support import blocks
from tests.support.memory import traced
from tests.support.strategies import cuts, pieces
from tests.support.zlibs import ZlibTestCase, with_ng
from tests.wire import same_each_time
from txws2.exceptions import PayloadTooBig, ProtocolError
from txws2.wire import deflater as wire_deflater
from txws2.wire import zlib_library as zlibs
from txws2.wire.compression_budget import CompressionBudget
from txws2.wire.deflater import Deflater, Inflater
from txws2.wire.window import can_read_windows

TICK = b'{"symbol": "ACME", "price": 12.5, "size": 100, "side": "buy", "venue": "here"}'
NOISE = random.Random(7).randbytes(1000)
# The beginning of a block of twenty bytes without compression.
WITHIN = bytes.fromhex("001400ebff") + b"He"
FINAL = bytes.fromhex("f348cdc9c9070000")


def deflater(budget, window_bits=12, takeover=True):
    return Deflater(window_bits, takeover, 1, 5, budget)


def inflater(budget, window_bits=12, takeover=True):
    return Inflater(window_bits, takeover, budget)


class BudgetTestCase(ZlibTestCase):
    def setUp(self):
        super().setUp()
        self.budget = CompressionBudget(2**26)

    def crowd_out(self):
        """Have each stream give back what it can."""
        limit, self.budget.limit = self.budget.limit, 0
        for _ in range(2):
            other = deflater(self.budget)
            other.compress(b"Hello")
            other.end()
        self.budget.limit = limit


class DeflaterTests(BudgetTestCase):
    def test_the_next_message_refers_to_none_before_and_the_peer_notices_nothing(self):
        ours, theirs = deflater(self.budget), inflater(self.budget)
        hot = [ours.compress(NOISE) for _ in range(3)]
        self.crowd_out()
        again = [ours.compress(NOISE) for _ in range(2)]
        sizes = [len(data) > 1000 for data in hot + again]
        self.assertEqual(sizes, [True, False, False, True, False])
        for data in hot + again:
            self.assertEqual(theirs.finish(None, data), NOISE)

    def test_it_can_be_so_between_two_parts_of_a_message(self):
        for takeover in (True, False):
            ours, theirs = deflater(self.budget, takeover=takeover), inflater(self.budget)
            sent = b""
            for last in (False, False, True):
                self.crowd_out()
                sent += ours.compress(NOISE, last)
            self.assertEqual(theirs.finish(None, sent), NOISE * 3)

    def test_one_that_is_used_makes_the_same_bytes_as_without_a_budget(self):
        ours, alone = deflater(CompressionBudget(2**19)), Deflater(12, True, 1, 5)
        for number in range(50):
            self.assertEqual(ours.compress(TICK), alone.compress(TICK))
            if number % 2:
                deflater(ours._budget).compress(TICK)

    def test_without_takeover_nothing_is_held_between_messages(self):
        ours = deflater(self.budget, takeover=False)
        for _ in range(2):
            ours.compress(TICK)
            self.assertEqual(self.budget.held, 0)
            ours.compress(TICK, last=False)
            self.assertEqual(self.budget.held, ours.size)
            ours.compress(TICK)
            self.assertEqual(self.budget.held, 0)

    def test_memory_given_back_otherwise_counts_no_longer(self):
        for give_back in (Deflater.forget, Deflater.end, lambda ours: (ours.rest(), ours.rest())):
            ours = deflater(self.budget)
            ours.compress(TICK)
            self.assertEqual(self.budget.held, ours.size)
            give_back(ours)
            self.assertEqual(self.budget.held, 0)

    def test_a_message_that_a_finalizer_sends_meanwhile_goes_first(self):
        ours, theirs = deflater(self.budget), inflater(self.budget)
        theirs.finish(None, ours.compress(NOISE))
        sent = []
        for meanwhile in (
            lambda: sent.append(ours.compress(TICK)),
            lambda: (sent.append(ours.compress_apart(TICK)), ours.forget()),
            self.crowd_out,
        ):
            self.interrupt(ours, meanwhile)
            sent.append(ours.compress(NOISE))
        self.assertEqual(
            [theirs.finish(None, data) for data in sent], [TICK, NOISE, TICK, NOISE, NOISE]
        )

    def interrupt(self, ours, meanwhile):
        """Have something done the next time that a deflater's compressor is at work."""
        compressor = ours._compressor

        class Interrupted:
            def compress(self, part):
                data = compressor.compress(part)
                meanwhile()
                return data

            def flush(self, mode):
                return compressor.flush(mode)

        ours._compressor = Interrupted()


@skipUnless(can_read_windows(), "this Python's zlib can't read windows")
class InflaterTests(BudgetTestCase):
    def test_the_window_is_kept(self):
        peer, ours = deflater(CompressionBudget(None)), inflater(self.budget)
        for size in (0, 1, 2, 300, 600, 5000, 100_000):
            message = random.Random(size).randbytes(size)
            for _ in range(2):
                self.assertEqual(ours.finish(None, peer.compress(message)), message)
                self.crowd_out()
                self.assertEqual(self.budget.held, 0)

    def test_it_is_kept_while_a_message_is_unfinished(self):
        peer, ours = deflater(CompressionBudget(None)), inflater(self.budget)
        found = b""
        for part in (NOISE, TICK, NOISE):
            found += ours.inflate(peer.compress(part, False), None)
            self.crowd_out()
            self.assertEqual(self.budget.held, 0)
        found += ours.finish(None, peer.compress(TICK))
        self.assertEqual(found, NOISE + TICK + NOISE + TICK)

    def test_within_a_block_of_an_unfinished_message_all_is_kept(self):
        ours = inflater(self.budget)
        self.assertEqual(ours.inflate(WITHIN, None), b"He")
        self.crowd_out()
        self.assertEqual(self.budget.held, ours.size)
        self.assertEqual(ours.finish(None, b"l" * 18 + b"\x00"), b"l" * 18)
        self.crowd_out()
        self.assertEqual(self.budget.held, 0)

    def test_a_message_that_ends_within_a_block_lets_no_other_follow_if_all_is_given_back(self):
        ours = inflater(self.budget)
        self.assertEqual(ours.finish(None, WITHIN), b"He" + blocks.TAIL)
        self.crowd_out()
        self.assertEqual(self.budget.held, 0)
        self.assertEqual(ours.finish(None), b"")
        error = self.assertRaises(ProtocolError, ours.finish, None, b"llo\x00")
        self.assertEqual(
            str(error), "decompression failed: the message before ended within a block"
        )

    def test_after_a_final_block_there_is_no_window(self):
        ours = inflater(self.budget)
        self.assertEqual(ours.finish(None, FINAL), b"Hello")
        self.crowd_out()
        self.assertEqual(self.budget.held, 0)
        self.assertEqual(ours.finish(None, FINAL), b"Hello")

    def test_giving_back_is_no_beginning_of_a_stream(self):
        peer, ours = deflater(CompressionBudget(None)), inflater(self.budget)
        for _ in range(40):
            ours.inflate(peer.compress(b"", False), None)
            self.crowd_out()
        self.assertEqual(ours.finish(None, peer.compress(TICK)), TICK)

    def test_without_takeover_nothing_is_held_between_messages(self):
        peer, ours = deflater(self.budget, takeover=False), inflater(self.budget, takeover=False)
        for _ in range(2):
            ours.finish(None, peer.compress(TICK))
            self.assertEqual(self.budget.held, 0)
            ours.inflate(peer.compress_apart(TICK), None)
            self.assertEqual(self.budget.held, ours.size)
            ours.finish(None)
            self.assertEqual(self.budget.held, 0)

    def test_data_that_cannot_be_inflated_holds_nothing(self):
        bomb = zlib.compressobj(wbits=-15)
        bomb = bomb.compress(bytes(10**6)) + bomb.flush(zlib.Z_SYNC_FLUSH)
        for data, error in ((b"\xff", ProtocolError), (bomb, PayloadTooBig)):
            self.assertRaises(error, inflater(self.budget, 15).finish, 100, data)
            self.assertEqual(self.budget.held, 0)

    def test_at_rest_or_at_the_end_it_counts_no_longer(self):
        for within in (False, True):
            ours = inflater(self.budget)
            ours.finish(None, deflater(CompressionBudget(None)).compress(TICK))
            if within:
                ours.inflate(WITHIN, None)
            for _ in range(2):
                ours.rest()
                held = self.budget.held
            self.assertEqual(held, ours.size if within else 0)
            if not within:
                self.assertEqual(self.budget.held, 0)
            ours.end()
            self.assertEqual(self.budget.held, 0)

    def test_messages_of_the_read_that_is_being_processed_may_follow_the_end(self):
        peer, ours = deflater(CompressionBudget(None)), inflater(self.budget)
        for _ in range(3):
            self.assertEqual(ours.finish(None, peer.compress(NOISE)), NOISE)
            ours.end()


class InflaterThatKeepsItsMemoryTests(BudgetTestCase):
    def test_an_inflater_counts_until_the_end_if_windows_cannot_be_read(self):
        self.patch(wire_deflater, "can_read_windows", lambda: False)
        peer, ours = deflater(CompressionBudget(None)), inflater(self.budget)
        for _ in range(3):
            self.assertEqual(ours.finish(None, peer.compress(TICK)), TICK)
            self.crowd_out()
            self.assertEqual(self.budget.held, ours.size)
        ours.end()
        self.assertEqual(self.budget.held, 0)

    def test_a_zlib_that_lacks_something_is_noticed(self):
        class Lacking:
            def __init__(self, window_bits, window=b""):
                if window:
                    raise TypeError("there is no zdict")
                self._made = decompressor(window_bits)

            def decompress(self, data, *args):
                return self._made.decompress(data, *args)

        decompressor = zlibs.decompressor
        self.patch(zlibs, "decompressor", Lacking)
        self.assertFalse(can_read_windows.__wrapped__())
        Lacking.copy = lambda self: self._made.copy()
        self.assertFalse(can_read_windows.__wrapped__())


class AnyStreamTests(BudgetTestCase):
    """Each message comes out as it was, even if memory is given back in between."""

    @same_each_time
    @given(blocks.messages, blocks.kinds, st.booleans(), cuts, st.data())
    def test_messages_of_any_blocks(self, messages, kind, takeover, cuts, data):
        self.budget = CompressionBudget(2**26)
        peer, ours = blocks.Sender(*kind, takeover), inflater(self.budget, 15, takeover)
        for message in messages:
            found = b""
            for part in pieces(peer.payload(message), cuts):
                found += ours.inflate(part, None)
                if data.draw(st.booleans()):
                    self.crowd_out()
            self.assertEqual(found + ours.finish(None), message.data)
            if data.draw(st.booleans()):
                self.crowd_out()
        ours.end()
        self.assertEqual(self.budget.held, 0)

    texts = st.lists(st.lists(st.binary(max_size=2000), min_size=1, max_size=3), max_size=8)

    @same_each_time
    @given(st.lists(texts, min_size=2, max_size=4), st.integers(9, 15), st.integers(0, 10**6))
    def test_many_connections_with_one_small_budget(self, connections, bits, limit):
        budget = CompressionBudget(limit)
        pairs = [(deflater(budget, bits), inflater(budget, bits)) for _ in connections]
        for turn in zip_longest(*connections):
            for parts, (ours, theirs) in zip(turn, pairs, strict=True):
                if parts is not None:
                    *first, last = parts
                    sent = [ours.compress(part, False) for part in first] + [ours.compress(last)]
                    found = [theirs.inflate(data, None) for data in sent]
                    self.assertEqual(b"".join(found) + theirs.finish(None), b"".join(parts))
        for pair in pairs:
            for stream in pair:
                stream.end()
        self.assertEqual(budget.held, 0)


class SizeTests(ZlibTestCase):
    """The sizes that the budget counts with are those that the libraries take."""

    def taken(self, make):
        """Return the number of bytes that such an object takes."""
        make()
        with traced() as memory:
            before, _ = memory()
            kept = [make() for _ in range(4)]
            return (memory()[0] - before) / len(kept)

    def assertNear(self, estimate, taken, msg):
        self.assertLess(abs(estimate - taken), taken / 10 + 1000, msg=(estimate, taken, msg))

    def test_a_compressor_takes_the_size_that_the_budget_counts(self):
        for bits in range(9, 16):
            for memory_level in range(1, 10):
                taken = self.taken(lambda at=(bits, 1, memory_level): zlibs.compressor(*at))
                size = zlibs.compressor_size(bits, memory_level)
                self.assertNear(size, taken, (bits, memory_level))

    def test_a_decompressor_takes_the_size_that_the_budget_counts(self):
        for bits in range(9, 16):
            data = Deflater(bits, True, 1, 5).compress(bytes(2**15))
            made = []

            def make(bits=bits, data=data, made=made):
                made.append(zlibs.decompressor(bits))
                made[-1].decompress(data)

            self.assertNear(zlibs.decompressor_size(bits), self.taken(make), bits)


@with_ng
class DeflaterWithNGTests(DeflaterTests):
    pass


@with_ng
class InflaterWithNGTests(InflaterTests):
    pass


@with_ng
class AnyStreamWithNGTests(AnyStreamTests):
    pass


@with_ng
class SizeWithNGTests(SizeTests):
    pass
