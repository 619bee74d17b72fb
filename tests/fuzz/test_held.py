from io import StringIO
from zlib import decompressobj

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.held import held


class HeldTests(SynchronousTestCase):
    def test_bytes_and_text_count_wherever_they_are_but_once(self):
        one = b"bytes"
        text = StringIO()
        text.write("five!")
        self.assertEqual(held([one, one, bytearray(10), {1: ("text",)}, text]), 5 + 10 + 4 + 5)

    def test_code_does_not_count(self):
        self.assertEqual(held([HeldTests, held, StringIO]), 0)

    def test_the_memory_of_zlib_counts(self):
        decompressor = decompressobj(-15)
        decompressor.decompress(b"\x03\x00" + bytes(7))
        self.assertEqual(held(decompressor), 7)
