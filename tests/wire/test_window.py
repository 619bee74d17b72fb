import random
import zlib
from unittest import skipUnless

from tests.support.zlibs import ZlibTestCase, with_ng
from txws2.wire import zlib_library as zlibs
from txws2.wire.window import can_read_windows, read_window

NOISE = random.Random(7).randbytes(2**15 + 5000)

# The header of a block of 64 bytes that aren't compressed.
STORED = b"\x00\x40\x00\xbf\xff"
# The bits of an empty block with fixed codes.
EMPTY = "010" + "0000000"


def bits(*fields):
    """Return bytes whose bits are those of these strings, in the order of the stream."""
    found = "".join(fields)
    return int(found[::-1], 2).to_bytes(-(-len(found) // 8), "little")


# Codes of a block's own, by RFC 1951 section 3.2.7: "0" stands for the byte 0, "1" ends the block.
CODES = "".join(
    (
        *("00000", "00000", "0111"),
        *("000000100" + "000" * 14 + "100"),
        *("0", "1" + "1111111", "1" + "0101011", "0", "0"),
    )
)


def decompressors(data, window_bits=15):
    """Return two equal decompressors that have inflated data."""
    made = [zlibs.decompressor(window_bits) for _ in range(2)]
    for each in made:
        each.decompress(data)
    return made


@skipUnless(can_read_windows(), "this Python's zlib can't read windows")
class WindowTests(ZlibTestCase):
    def assertWithin(self, data):
        """The block in which the data ends isn't at its end."""
        ours, other = decompressors(data)
        self.assertIsNone(read_window(ours, 0))
        # It goes on as if nobody had asked.
        for rest in (b"", NOISE[:50]):
            outcomes = []
            for each in (ours, other):
                try:
                    outcomes.append(each.decompress(rest))
                except zlibs.error():
                    outcomes.append(None)
            self.assertEqual(*outcomes)

    def test_it_has_the_latest_bytes_with_each_size_of_a_window(self):
        for window_bits in range(9, 16):
            most = 2**window_bits
            for size in (*range(1, 10), 257, 258, 259, 260, most - 259, most - 1, most):
                ours = zlibs.compressor(window_bits, 6, 5)
                data = ours.compress(NOISE[:size]) + ours.flush(zlibs.SYNC_FLUSH)
                made, _ = decompressors(data, window_bits)
                self.assertEqual(read_window(made, size), NOISE[:size], msg=(window_bits, size))

    def test_it_has_no_more_than_was_made_before_it_is_full(self):
        ours = zlibs.compressor(9, 6, 5)
        made = zlibs.decompressor(9)
        for at in range(0, 3000, 100):
            part = NOISE[at : at + 100]
            made.decompress(ours.compress(part) + ours.flush(zlibs.SYNC_FLUSH))
        self.assertEqual(read_window(made, 512), NOISE[3000 - 512 : 3000])

    def test_a_new_stream_has_none(self):
        self.assertEqual(read_window(zlibs.decompressor(15), 0), b"")

    def test_a_decompressor_with_the_window_goes_on(self):
        ours = zlibs.compressor(12, 6, 5)
        made, text = zlibs.decompressor(12), NOISE[:300]
        made.decompress(ours.compress(text) + ours.flush(zlibs.SYNC_FLUSH))
        again = ours.compress(text) + ours.flush(zlibs.SYNC_FLUSH)
        self.assertLess(len(again), 30)
        window = read_window(made, 300)
        self.assertEqual(zlibs.decompressor(12, window).decompress(again), text)

    def test_a_block_without_compression_that_goes_on_has_none(self):
        for size in range(64):
            self.assertWithin(STORED + NOISE[:size])
            self.assertWithin(STORED[: size % 4 + 1])

    def test_a_block_with_fixed_codes_that_goes_on_has_none(self):
        made = zlib.compressobj(strategy=zlib.Z_FIXED, wbits=-15)
        data = made.compress(b"Hello, everybody") + made.flush()
        for size in range(1, len(data) - 1):
            self.assertWithin(data[:size])

    def test_a_block_that_the_first_bit_of_any_other_block_would_end_has_none(self):
        """A peer can make such codes, to have its block taken for one that has ended."""
        for final in "01":
            # Bytes of 0 fill the last byte of the header.
            head = final + "01" + CODES
            self.assertWithin(bits(head + "0" * (-len(head) % 8)))

    def test_an_unfinished_header_of_a_block_has_none(self):
        head = bits("001" + CODES)
        for size in range(1, len(head)):
            self.assertWithin(head[:size])

    def test_bits_of_the_next_header_are_not_lost(self):
        for ahead, empty_blocks in (("10", 3), ("00", 3)):
            self.assertWithin(bits(EMPTY * empty_blocks + ahead))


@with_ng
class WindowWithNGTests(WindowTests):
    pass
