from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.heads import REQUEST, RESPONSE, ReaderTestCase, headers_of
from tests.wire import same_each_time
from txws2.exceptions import HeaderLineTooLong, InvalidMessage
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.readers import RequestReader


class PathologicalTests(ReaderTestCase):
    """Attack 7: text that makes a regular expression explode, as long as a line, and longer."""

    def test_the_longest_lines(self):
        for line in (b" " * 8190, b":" * 8190, b"GET" + b" " * 8187, b"\t" * 8189 + b"\x00"):
            self.assertEqual(self.request(line + b"\r\n\r\n")[0], InvalidMessage)
            self.assertEqual(self.response(line + b"\r\n\r\n")[0], InvalidMessage)
            head = b"GET / HTTP/1.1\r\n" + line + b"\r\n\r\n"
            self.assertEqual(self.request(head)[0], InvalidMessage)

    def test_64_kib(self):
        for shape in (b" ", b"a:", b", ", b"\t", b"\r", b"HTTP/1.1 "):
            data = b"GET / HTTP/1.1\r\nX: " + shape * (65536 // len(shape))
            self.assertEqual(self.result(RequestReader(), [data])[0][0], HeaderLineTooLong)


class InjectionTests(TestCase):
    """Attack 9: CR, LF, NUL or non-ASCII in anything that we put in a head."""

    def refused(self, head):
        self.assertRaises(InvalidMessage, head.serialize)

    def test_non_ascii_in_the_first_line(self):
        self.refused(Request("/é"))
        self.refused(Response(200, "é"))

    def test_a_second_line_in_the_first(self):
        for break_ in ("\r\n", "\r", "\n", "\x00"):
            self.refused(Request(f"/ HTTP/1.1{break_}X: y"))
            self.refused(Response(200, f"OK{break_}X: y"))

    def test_a_space_in_the_path(self):
        self.refused(Request("/ HTTP/1.0"))

    def test_a_second_line_in_a_header(self):
        for value in ("a\r\nY: b", "a\nY: b", "a\rY: b", "a\r\n"):
            self.refused(Response(200, "OK", headers_of(("X", value))))
            self.refused(Request("/", headers_of(("X", value))))

    def test_nul_or_non_ascii_in_a_header(self):
        for value in ("a\x00b", "a\x7f", "é"):
            self.refused(Response(200, "OK", headers_of(("X", value))))
            self.refused(Request("/", headers_of(("X", value))))


class LineEndTests(ReaderTestCase):
    """Attack 25: bytes that Python's str.splitlines, or another parser, takes for a line's end."""

    others = (b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\xc2\x85", b"\xe2\x80\xa8", b"\x85")

    def test_there_is_no_second_header(self):
        for other in (*self.others, b"\r", b"\n"):
            for start in (b"GET / HTTP/1.1\r\nHost: h\r\n", b"HTTP/1.1 200 OK\r\n"):
                head = start + b"A: b" + other + b"Evil: c\r\n\r\n"
                read = self.request if start.startswith(b"GET") else self.response
                found = read(head)
                if isinstance(found, tuple):
                    self.assertEqual(found[0], InvalidMessage)
                else:
                    self.assertNotIn("Evil", found.headers)
                    self.assertGreater(other, b"\x7f")

    def test_the_first_line_has_no_other_end(self):
        for other in self.others:
            self.assertEqual(
                self.request(b"GET / HTTP/1.1" + other + b"A: b\r\n\r\n")[0], InvalidMessage
            )


class AnyBytesTests(ReaderTestCase):
    """Any bytes may come: no exception but an InvalidHandshake is raised."""

    lines = st.lists(st.sampled_from([b"\r\n", b"\n", b"X", b":", b" ", b"\xff", b"\x00", b"a"]))

    @same_each_time
    @given(st.binary())
    def test_rubbish(self, data):
        self.request(data)
        self.response(data)

    @same_each_time
    @given(st.one_of(st.binary(), lines.map(b"".join)))
    def test_after_a_good_first_line(self, data):
        self.request(b"GET / HTTP/1.1\r\n" + data + b"\r\n\r\n")
        self.response(b"HTTP/1.1 200 OK\r\n" + data + b"\r\n\r\n")

    @same_each_time
    @given(st.binary())
    def test_instead_of_the_target(self, data):
        self.request(b"GET " + data + b" HTTP/1.1\r\n\r\n")

    @same_each_time
    @given(st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 255)), max_size=3))
    def test_a_good_head_with_a_few_bytes_changed(self, changes):
        for good, read in ((REQUEST, self.request), (RESPONSE, self.response)):
            data = bytearray(good)
            for place, byte in changes:
                data[place % len(data)] = byte
            read(bytes(data))
