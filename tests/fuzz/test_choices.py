from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.choices import MOST_READS, Choices, cut


class ChoicesTests(SynchronousTestCase):
    def test_each_takes_a_byte_and_the_rest_is_left(self):
        choices = Choices(b"\x03\x04\x02\x09\x00rest")
        self.assertTrue(choices.flag())
        self.assertEqual(choices.one_of("abc"), "b")
        self.assertEqual(choices.sizes(), [10, 1])
        self.assertEqual(choices.rest(), b"rest")

    def test_a_missing_byte_is_the_first_option(self):
        choices = Choices(b"")
        self.assertFalse(choices.flag())
        self.assertEqual(choices.one_of("abc"), "a")
        self.assertEqual(choices.sizes(), [])
        self.assertEqual(choices.rest(), b"")


class CutTests(SynchronousTestCase):
    def test_sizes_are_used_in_turn(self):
        self.assertEqual(cut(b"abcdefg", [1, 3]), [b"a", b"bcd", b"e", b"fg"])

    def test_without_sizes_there_is_one_read(self):
        self.assertEqual(cut(b"abc", []), [b"abc"])

    def test_no_bytes_make_no_read(self):
        self.assertEqual(cut(b"", [1]), [])

    def test_there_are_not_many_reads(self):
        self.assertEqual(len(cut(bytes(100 * MOST_READS), [1])), MOST_READS)
