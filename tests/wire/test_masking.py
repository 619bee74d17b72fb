from array import array

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.twins import in_c, pure
from tests.wire import same_each_time
from txws2.wire.masking import apply_mask

KEY = bytes.fromhex("37fa213d")

keys = st.binary(min_size=4, max_size=4)


def masked_one_by_one(data, mask, offset):
    """Mask as section 5.3 is written, byte by byte."""
    return bytes(byte ^ mask[(at + offset) % 4] for at, byte in enumerate(data))


class ApplyMaskTests(TestCase):
    apply_mask = pure("apply_mask")

    def test_the_example_of_the_rfc(self):
        self.assertEqual(self.apply_mask(b"Hello", KEY), bytes.fromhex("7f9f4d5158"))

    def test_nothing_stays_nothing(self):
        self.assertEqual(self.apply_mask(b"", KEY, 3), b"")

    def test_zeros_at_the_end_are_kept(self):
        self.assertEqual(self.apply_mask(KEY + KEY, KEY), bytes(8))

    def test_the_offset_turns_the_key(self):
        turned = [self.apply_mask(bytes(5), b"abcd", offset) for offset in range(5)]
        self.assertEqual(turned, [b"abcda", b"bcdab", b"cdabc", b"dabcd", b"abcda"])

    @same_each_time
    @given(st.binary(), keys, st.integers(0, 2**63))
    def test_it_is_the_loop_over_the_bytes(self, data, mask, offset):
        self.assertEqual(self.apply_mask(data, mask, offset), masked_one_by_one(data, mask, offset))

    @same_each_time
    @given(st.binary(), keys, st.integers(0, 2**63))
    def test_twice_is_not_at_all(self, data, mask, offset):
        self.assertEqual(self.apply_mask(self.apply_mask(data, mask, offset), mask, offset), data)

    @same_each_time
    @given(st.binary(), keys, st.integers(0, 1000))
    def test_parts_make_the_whole(self, data, mask, cut):
        parts = self.apply_mask(data[:cut], mask) + self.apply_mask(
            data[cut:], mask, len(data[:cut])
        )
        self.assertEqual(parts, self.apply_mask(data, mask))

    def test_all_sizes_and_offsets(self):
        data = bytes(range(256)) * 9
        for size in (*range(34), 63, 64, 65, 255, 256, *range(2046, 2053)):
            for offset in range(4):
                expected = masked_one_by_one(data[:size], KEY, offset)
                self.assertEqual(self.apply_mask(data[:size], KEY, offset), expected)

    def test_it_need_not_be_aligned(self):
        data = memoryview(bytes(range(100)))
        for start in range(9):
            expected = masked_one_by_one(data[start:], KEY, 0)
            self.assertEqual(self.apply_mask(data[start:], KEY), expected)

    def test_the_offset_may_be_any_whole_number(self):
        for offset in (-1, -(2**70) - 1, 2**70 + 3):
            self.assertEqual(
                self.apply_mask(b"Hello", KEY, offset), self.apply_mask(b"Hello", KEY, 3)
            )

    def test_all_that_is_like_bytes_may_be_masked(self):
        for data in (bytearray(b"Hello"), memoryview(b"Hello"), memoryview(b"H-e-l-l-o")[::2]):
            found = self.apply_mask(data, KEY)
            self.assertEqual(found, bytes.fromhex("7f9f4d5158"))
            self.assertIsInstance(found, bytes)
        self.assertEqual(self.apply_mask(array("H", [0, 0]), KEY), KEY)

    def test_nothing_else_may(self):
        for data in ("Hello", [1, 2], 5, None):
            self.assertRaises(TypeError, self.apply_mask, data, KEY)
        for mask in (None, 5, "abcd"):
            self.assertRaises(TypeError, self.apply_mask, b"Hello", mask)
        for offset in ("1", 1.5, None):
            self.assertRaises(TypeError, self.apply_mask, b"Hello", KEY, offset)
        self.assertRaises(TypeError, self.apply_mask, b"Hello")
        self.assertRaises(TypeError, self.apply_mask, b"Hello", KEY, 0, 0)

    def test_a_key_has_four_bytes(self):
        for mask in (b"", b"abc", b"abcde"):
            exc = self.assertRaises(ValueError, self.apply_mask, b"Hello", mask)
            self.assertEqual(str(exc), f"a masking key has 4 bytes, not {len(mask)}")


@in_c
class ApplyMaskInCTests(ApplyMaskTests):
    apply_mask = staticmethod(apply_mask)
