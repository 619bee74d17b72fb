"""The twins in Python and in C do the same."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.twins import in_c
from tests.wire import same_each_time
from txws2._accelerator import PURE, load

numbers = st.none() | st.integers(-2, 300) | st.integers() | st.sampled_from([2**63 - 1, 2**63])
like_bytes = st.binary() | st.binary().map(bytearray) | st.binary().map(memoryview)
anything = st.none() | numbers | st.text(max_size=9) | like_bytes
limits = st.integers(0, 300) | st.integers(0) | st.sampled_from([2**63 - 1, 2**63])
masks = st.binary(min_size=4, max_size=4)


@st.composite
def frames(draw):
    """Generate a frame, or almost a frame."""
    first = draw(st.sampled_from([0x81, 0x82, 0xC1, 0xC2, 0x01, 0x80, 0x89]))
    content = draw(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
    length = draw(st.just(len(content)) | st.sampled_from([0, 125, 126, 65536, 2**63]))
    bit = draw(st.sampled_from([0, 0x80]))
    size = draw(st.sampled_from([0, 0, 2, 8]))
    if size == 0 and length < 126:
        field = bytes([bit | length])
    elif size < 8 and length < 65536:
        field = bytes([bit | 126]) + length.to_bytes(2)
    else:
        field = bytes([bit | 127]) + length.to_bytes(8)
    if not bit:
        return bytes([first]) + field + content
    mask = draw(masks)
    return bytes([first]) + field + mask + PURE["apply_mask"](content, mask)


lines = st.sampled_from(
    [
        b"Host: h",
        b"host:",
        b"A:\t\xc3\xa9 \t",
        b"B: \xe2\x82",
        b"C: \xf0\x90\x80",
        b"D : d",
        b"E: \x7f",
    ]
)
requests = st.tuples(
    st.sampled_from([b"GET / HTTP/1.1", b"OPTIONS * HTTP/1.0", b"G!T h:80 HTTP/2.7"]) | st.binary(),
    st.lists(lines | st.binary(max_size=9).map(b"X: ".__add__), max_size=5),
    st.just(b"") | st.sampled_from([b"\r\n\r\n", b"\r\n", b"\n\n"]) | st.binary(max_size=9),
).map(lambda parts: b"\r\n".join([parts[0], *parts[1]]) + parts[2])
streams = st.lists(frames() | st.binary(max_size=3)).map(b"".join)


def outcome(function, *args, **kwargs):
    """Return its result, or the class of the exception that it raises."""
    try:
        return function(*args, **kwargs)
    except Exception as exc:
        return type(exc)


@in_c
class TwinsTests(TestCase):
    def same(self, name, *args, **kwargs):
        found = outcome(getattr(load(), name), *args, **kwargs)
        expected = outcome(PURE[name], *args, **kwargs)
        self.assertEqual(found, expected)
        self.assertIs(type(found), type(expected))
        return found

    @same_each_time
    @given(anything, masks, numbers)
    def test_apply_mask(self, data, mask, offset):
        self.same("apply_mask", data, mask, offset)

    @same_each_time
    @given(numbers, anything, st.booleans(), st.booleans())
    def test_encode_frame(self, opcode, payload, fin, rsv1):
        self.same("encode_frame", opcode, payload, masked=False, fin=fin, rsv1=rsv1)

    @same_each_time
    @given(anything | st.text(st.characters()))
    def test_encode_message(self, message):
        self.same("encode_message", message, False)

    @same_each_time
    @given(streams, st.integers(0, 9), st.booleans(), numbers)
    def test_decode_messages(self, data, position, masked, max_size):
        both = [], []
        found = outcome(load().decode_messages, data, position, masked, max_size, both[0])
        expected = outcome(PURE["decode_messages"], data, position, masked, max_size, both[1])
        self.assertEqual((found, both[0]), (expected, both[1]))

    @same_each_time
    @given(streams, st.integers(0, 9), st.booleans(), numbers)
    def test_take_compressed(self, data, position, masked, max_size):
        self.same("take_compressed", data, position, masked, max_size)

    @same_each_time
    @given(requests)
    def test_split_request(self, head):
        self.same("split_request", head)

    @same_each_time
    @given(requests, limits, st.integers(0, 5) | limits)
    def test_end_of_head(self, head, size, count):
        self.same("end_of_head", head, size, count)

    @same_each_time
    @given(numbers, masks | st.none(), st.lists(st.tuples(anything, numbers)))
    def test_payload_buffer(self, length, mask, parts):
        both = [
            outcome(kind, length, mask) for kind in (load().PayloadBuffer, PURE["PayloadBuffer"])
        ]
        if both[0] is both[1]:
            return
        for part, start in parts:
            found, expected = (outcome(buffer.add, part, start) for buffer in both)
            self.assertEqual(found, expected)
            self.assertEqual(both[0].missing, both[1].missing)
        self.assertEqual(both[0].finish(), both[1].finish())
