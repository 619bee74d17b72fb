from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.wire import same_each_time
from txws2.wire.masking import apply_mask

KEY = bytes.fromhex("37fa213d")

keys = st.binary(min_size=4, max_size=4)


def masked_one_by_one(data, mask, offset):
    """Section 5.3, as it is written."""
    return bytes(byte ^ mask[(at + offset) % 4] for at, byte in enumerate(data))


class ApplyMaskTests(TestCase):
    def test_the_example_of_the_rfc(self):
        self.assertEqual(apply_mask(b"Hello", KEY), bytes.fromhex("7f9f4d5158"))

    def test_nothing_stays_nothing(self):
        self.assertEqual(apply_mask(b"", KEY, 3), b"")

    def test_zeros_at_the_end_are_kept(self):
        self.assertEqual(apply_mask(KEY + KEY, KEY), bytes(8))

    def test_the_offset_turns_the_key(self):
        turned = [apply_mask(bytes(5), b"abcd", offset) for offset in range(5)]
        self.assertEqual(turned, [b"abcda", b"bcdab", b"cdabc", b"dabcd", b"abcda"])

    @same_each_time
    @given(st.binary(), keys, st.integers(0, 2**63))
    def test_it_is_the_loop_over_the_bytes(self, data, mask, offset):
        self.assertEqual(apply_mask(data, mask, offset), masked_one_by_one(data, mask, offset))

    @same_each_time
    @given(st.binary(), keys, st.integers(0, 2**63))
    def test_twice_is_not_at_all(self, data, mask, offset):
        self.assertEqual(apply_mask(apply_mask(data, mask, offset), mask, offset), data)

    @same_each_time
    @given(st.binary(), keys, st.integers(0, 1000))
    def test_parts_make_the_whole(self, data, mask, cut):
        parts = apply_mask(data[:cut], mask) + apply_mask(data[cut:], mask, len(data[:cut]))
        self.assertEqual(parts, apply_mask(data, mask))
