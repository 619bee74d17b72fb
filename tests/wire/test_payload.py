import sys
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.implementations import counts_references
from tests.support.memory import traced
from tests.support.twins import in_c, pure
from tests.wire import same_each_time
from txws2.wire.masking import apply_mask
from txws2.wire.payload import PayloadBuffer

KEY = b"\x37\xfa\x21\x3d"


class PayloadBufferTests(TestCase):
    PayloadBuffer = pure("PayloadBuffer")

    def received(self, parts, mask):
        buffer = self.PayloadBuffer(sum(map(len, parts)), mask)
        for part in parts:
            self.assertEqual(buffer.add(part), len(part))
        self.assertEqual(buffer.missing, 0)
        return buffer.finish()

    def test_the_parts_become_the_payload(self):
        found = self.received([b"Hel", b"", b"lo"], None)
        self.assertEqual(found, b"Hello")
        self.assertIsInstance(found, bytes)

    def test_they_are_unmasked(self):
        masked = apply_mask(b"Hello World", KEY)
        for cut in range(len(masked) + 1):
            self.assertEqual(self.received([masked[:cut], masked[cut:]], KEY), b"Hello World")

    def test_what_follows_is_not_taken(self):
        buffer = self.PayloadBuffer(5, None)
        self.assertEqual(buffer.add(b"--Hel", 2), 3)
        self.assertEqual(buffer.missing, 2)
        self.assertEqual(buffer.add(b"lo, World"), 2)
        self.assertEqual(buffer.add(b", World"), 0)
        self.assertEqual(buffer.finish(), b"Hello")

    def test_a_large_one_that_somebody_has_stays_as_it_is(self):
        """The memory of a payload may be used again once nobody refers to the payload."""
        size = 256 * 1024
        kept = [self.received([bytes([number]) * size], None) for number in range(10)]
        for number, payload in enumerate(kept):
            self.assertEqual(payload, bytes([number]) * size)

    @counts_references
    def test_what_nobody_has_any_more_leaves_no_trace(self):
        for number, size in enumerate((300_000, 300_000, 299_999, 200_000, 150_001, 300_000)):
            expected = bytes([number]) * size
            payload = self.received([expected[:1000], expected[1000:]], None)
            self.assertEqual(payload, expected)
            self.assertEqual(hash(payload), hash(expected))
            self.assertEqual(sys.getsizeof(payload), sys.getsizeof(expected))
            del payload

    def test_it_may_be_empty(self):
        buffer = self.PayloadBuffer(0, KEY)
        self.assertEqual((buffer.missing, buffer.add(b"x")), (0, 0))
        self.assertEqual(buffer.finish(), b"")

    def test_it_may_end_early(self):
        for part in (b"", b"Hello"):
            buffer = self.PayloadBuffer(2**40, None)
            buffer.add(part)
            self.assertEqual(buffer.missing, 2**40 - len(part))
            self.assertEqual(buffer.finish(), part)

    def test_afterwards_nothing_is_missing_or_taken(self):
        buffer = self.PayloadBuffer(10, None)
        buffer.add(b"Hello")
        buffer.finish()
        self.assertEqual((buffer.missing, buffer.add(b"World")), (0, 0))
        self.assertEqual(buffer.finish(), b"")

    def test_the_payload_does_not_change_with_where_it_comes_from(self):
        part = bytearray(b"Hello")
        buffer = self.PayloadBuffer(5, None)
        buffer.add(part)
        part[:] = b"World"
        self.assertEqual(buffer.finish(), b"Hello")

    def test_a_length_that_is_only_announced_costs_nothing(self):
        """Attack 4."""
        for length in (2**31 - 1, 2**31, 2**32, 2**40, 2**63 - 1):
            buffers = [self.PayloadBuffer(length, KEY) for _ in range(100)]
            for buffer in buffers:
                buffer.add(b"x")
                self.assertEqual(buffer.missing, length - 1)

    def test_memory_follows_what_has_arrived(self):
        """Attack 4."""
        buffer = self.PayloadBuffer(2**40, KEY)
        part = bytes(10_000)
        with traced() as memory:
            for arrived in range(10_000, 1_000_000, 10_000):
                buffer.add(part)
                used, _ = memory()
                self.assertLess(used, 2 * arrived + 10_000)

    def test_large_ones(self):
        for size in (125, 126, 65535, 65536, 65537, 1_000_003):
            payload = bytes(range(256)) * (size // 256 + 1)
            payload = payload[:size]
            masked = apply_mask(payload, KEY)
            for step in (4093, 65536, 10**6):
                parts = [masked[at : at + step] for at in range(0, size, step)]
                self.assertEqual(self.received(parts, KEY), payload)

    @same_each_time
    @given(st.binary(), st.lists(st.integers(0, 100)), st.none() | st.just(KEY))
    def test_any_parts_of_any_payload(self, payload, cuts, mask):
        data = payload if mask is None else apply_mask(payload, mask)
        places = [0, *sorted(cuts), max([len(data), *cuts])]
        parts = [data[a:b] for a, b in pairwise(places)]
        self.assertEqual(self.received(parts, mask), payload)

    def test_all_that_is_like_bytes_may_arrive(self):
        for data in (bytearray(b"Hello"), memoryview(b"Hello"), memoryview(b"H-e-l-l-o")[::2]):
            self.assertEqual(self.received([data, data], None), b"HelloHello")
            self.assertEqual(self.received([data], KEY), bytes.fromhex("7f9f4d5158"))

    def test_nothing_else_may(self):
        buffer = self.PayloadBuffer(5, None)
        for data in ("Hello", [1, 2], 5, None):
            self.assertRaises(TypeError, buffer.add, data)
        for start in ("0", 0.0, None):
            self.assertRaises(TypeError, buffer.add, b"Hello", start)
        for arguments in ((), (b"Hello", 0, 0)):
            self.assertRaises(TypeError, buffer.add, *arguments)
        self.assertRaises(TypeError, buffer.finish, 0)
        self.assertEqual(buffer.missing, 5)

    def test_the_start_is_within_the_data(self):
        buffer = self.PayloadBuffer(5, None)
        for start in (-1, 6, -(2**70), 2**70):
            exc = self.assertRaises(ValueError, buffer.add, b"Hello", start)
            self.assertEqual(str(exc), f"a position is from 0 to 5, not {start}")
        self.assertEqual(buffer.add(b"Hello", 5), 0)

    def test_a_length_is_a_number_that_a_frame_may_have(self):
        for length in (-1, -(2**70), 2**63, 2**70):
            exc = self.assertRaises(ValueError, self.PayloadBuffer, length, None)
            self.assertEqual(str(exc), f"a payload has from 0 to 2**63 - 1 bytes, not {length}")
        for length in ("5", 5.0, None):
            self.assertRaises(TypeError, self.PayloadBuffer, length, None)

    def test_a_key_has_four_bytes(self):
        for mask in (b"", b"abc", b"abcde"):
            exc = self.assertRaises(ValueError, self.PayloadBuffer, 5, mask)
            self.assertEqual(str(exc), f"a masking key has 4 bytes, not {len(mask)}")
        self.assertRaises(TypeError, self.PayloadBuffer, 5, 5)

    def test_both_are_given(self):
        self.assertRaises(TypeError, self.PayloadBuffer, 5)
        self.assertRaises(TypeError, self.PayloadBuffer, 5, None, None)
        self.assertRaises(TypeError, self.PayloadBuffer, 5, mask=None)

    def test_what_is_like_a_number_may_come_back(self):
        """The call leads to another call of the same buffer."""
        buffer = self.PayloadBuffer(10, None)

        class Place:
            def __index__(place):
                buffer.add(b"inner")
                return 0

        self.assertEqual(buffer.add(b"outer", Place()), 5)
        self.assertEqual(buffer.finish(), b"innerouter")


@in_c
class PayloadBufferInCTests(PayloadBufferTests):
    PayloadBuffer = PayloadBuffer
