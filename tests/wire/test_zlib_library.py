import subprocess
import sys
import zlib
from os import environ, pathsep
from unittest import skipIf

from tests.support.zlibs import NG, ZlibTestCase, with_ng
from txws2.wire.zlib_library import SYNC_FLUSH, compressor, decompressor, error

TEXT = b"Hello, Hello, Hello"


class EitherTests(ZlibTestCase):
    def test_compressed_data_is_inflated_with_every_window_and_level(self):
        for bits in range(9, 16):
            for level in range(1, 10):
                for memory_level in range(1, 10):
                    ours = compressor(bits, level, memory_level)
                    data = ours.compress(TEXT) + ours.flush(SYNC_FLUSH)
                    self.assertLess(len(data), len(TEXT))
                    self.assertEqual(decompressor(bits).decompress(data), TEXT)

    def test_there_is_no_header(self):
        ours = compressor(15, 6, 5)
        self.assertEqual(ours.compress(b"") + ours.flush(), b"\x03\x00")

    def test_no_more_is_inflated_than_was_asked_for(self):
        theirs = decompressor(15)
        ours = compressor(15, 6, 5)
        data = ours.compress(bytes(2**20)) + ours.flush(SYNC_FLUSH)
        self.assertEqual(theirs.decompress(data, 10), bytes(10))
        self.assertEqual(theirs.decompress(theirs.unconsumed_tail, 10), bytes(10))

    def test_wrong_data_is_an_error_of_this_kind(self):
        self.assertRaises(error(), decompressor(15).decompress, b"\xff")


@with_ng
class EitherWithNGTests(EitherTests):
    pass


class ZlibTests(ZlibTestCase):
    def test_it_is_pythons_own(self):
        for memory_level in range(1, 10):
            self.assertIs(type(compressor(15, 6, memory_level)), type(zlib.compressobj()))
        self.assertIs(type(decompressor(15)), type(zlib.decompressobj()))
        self.assertIs(error(), zlib.error)


@with_ng
class NGTests(ZlibTestCase):
    def test_it_is_zlib_ng(self):
        for memory_level in range(5, 10):
            self.assertIs(type(compressor(15, 6, memory_level)), type(NG.compressobj()))
        self.assertIs(type(decompressor(15)), type(NG.decompressobj()))
        self.assertIs(error(), NG.error)

    def test_a_low_memory_level_gets_a_compressor_that_takes_little(self):
        for memory_level in range(1, 5):
            self.assertIs(type(compressor(15, 6, memory_level)), type(zlib.compressobj()))

    def test_their_errors_are_not_the_same(self):
        self.assertFalse(issubclass(NG.error, zlib.error))


class ChoiceTests(ZlibTestCase):
    def chosen(self, **variables):
        """Return zlibs.NG of another process, at its start."""
        program = "from txws2.wire import zlib_library as z; print(z.NG and z.NG.__name__)"
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environ | {"PYTHONPATH": pathsep.join(sys.path)} | variables,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    @skipIf(NG is None, "zlib-ng isn't installed, or isn't wanted")
    def test_zlib_ng_is_taken_if_it_is_there(self):
        self.assertEqual(self.chosen(TXWS2_NO_SPEEDUPS=""), "zlib_ng.zlib_ng")

    def test_unless_it_is_not_wanted(self):
        self.assertEqual(self.chosen(TXWS2_NO_SPEEDUPS="1"), "None")
