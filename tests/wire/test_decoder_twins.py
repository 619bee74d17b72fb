"""The twins of the decoder do the same, wherever reads end."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.both_ends import bytewise
from tests.support.decoders import Steps
from tests.support.strategies import cuts, pieces
from tests.support.twins import in_c
from tests.wire import same_each_time
from txws2._accelerator import PURE, load
from txws2.wire.deflater import Deflater
from txws2.wire.masking import apply_mask

KEY = b"\x37\xfa\x21\x3d"
SQUEEZED = Deflater(15, False, 6, 5).compress(b"Hello")


def frame(first, payload, masked, length=None):
    """Return a frame, or almost a frame; `length` is the field of the length."""
    if length is None:
        size = len(payload)
        length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2)
    length = bytes([length[0] | (0x80 if masked else 0)]) + length[1:]
    if masked:
        payload = KEY + apply_mask(payload, KEY)
    return bytes([first]) + length + payload


@in_c
class TwinsTests(TestCase):
    def same(self, reads, masked=True, max_size=None, max_fragments=None, taking=False):
        ours, theirs = (
            Steps(kind, masked, max_size, max_fragments, taking)
            for kind in (PURE["Decoder"], load().Decoder)
        )
        for read in reads:
            self.assertEqual(theirs.read(read), ours.read(read), msg=reads)

    def short_frames(self, masked):
        """Return frames of every kind, none of them long."""
        firsts = (0x81, 0x82, 0x01, 0x02, 0x80, 0x00, 0xC1, 0x41, 0xC0, 0x89, 0x83, 0x91)
        contents = b"", b"a", b"\xc3", b"\xa9b", SQUEEZED[:3], SQUEEZED[3:]
        yield from (frame(*kind, masked) for kind in product(firsts, contents))
        for length in (b"\x7e\x00\x05", b"\x7f" + bytes(8), b"\x7f\x80", b"\x7f" + b"\x7f" * 8):
            yield frame(0x82, b"abcde", masked, length)
        yield frame(0x81, b"a", not masked)

    def test_two_short_frames_with_a_cut_anywhere(self):
        for masked in (False, True):
            short = list(self.short_frames(masked))
            # Those that end well, or begin a message.
            for first in [each for each in short if each[0] in (0x81, 0x01, 0x02, 0x41)]:
                for second in short:
                    stream = first + second
                    self.same([stream], masked)
                    self.same(bytewise(stream), masked)
                    self.same(bytewise(stream), masked, taking=True)

    def test_a_short_frame_with_every_cut(self):
        for masked in (False, True):
            for each in self.short_frames(masked):
                stream = each + frame(0x81, "é€".encode(), masked)
                for cut in range(len(stream)):
                    self.same([stream[:cut], stream[cut:]], masked)

    def test_three_short_frames_byte_by_byte(self):
        kinds = [
            frame(first, payload, True)
            for first in (0x01, 0x80, 0x00, 0x41, 0x81)
            for payload in (b"", b"\xe2\x82", b"\xac", SQUEEZED)
        ]
        for frames in product(kinds, repeat=3):
            self.same(bytewise(b"".join(frames)), True, 12, 2)

    firsts = st.sampled_from([0x81, 0x82, 0x01, 0x02, 0x80, 0x00, 0xC1, 0xC2, 0x41, 0x42])
    contents = st.one_of(
        st.text(max_size=100).map(str.encode),
        st.binary(max_size=40),
        st.just(b"x" * 70_000),
        st.text(max_size=50).map(lambda text: Deflater(15, True, 6, 5).compress(text.encode())),
    )
    streams = st.lists(st.tuples(firsts, contents), max_size=8)
    limits = st.sampled_from([None, 0, 50, 70_000, 2**63])

    @same_each_time
    @given(streams, cuts, st.booleans(), limits, st.sampled_from([None, 1, 2]), st.booleans())
    def test_any_stream(self, frames, reads, masked, max_size, max_fragments, taking):
        stream = b"".join(
            frame(
                *each, masked, None if len(each[1]) < 65536 else b"\x7f" + len(each[1]).to_bytes(8)
            )
            for each in frames
        )
        self.same(pieces(stream, reads), masked, max_size, max_fragments, taking)

    @same_each_time
    @given(st.binary(max_size=40), cuts, st.booleans())
    def test_any_bytes(self, data, reads, masked):
        self.same(pieces(data, reads), masked)
