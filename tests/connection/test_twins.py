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
    @given(requests)
    def test_split_request(self, head):
        self.same("split_request", head)

    @same_each_time
    @given(requests, limits, st.integers(0, 5) | limits)
    def test_end_of_head(self, head, size, count):
        self.same("end_of_head", head, size, count)
