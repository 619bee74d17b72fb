from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.twins import in_c, pure
from txws2.wire.http.ordinary_request import read_request

HEAD = b"GET /chat?a=b HTTP/1.1\r\nHost: h\r\nX-Way:\t one two \t\r\n\r\n"


class ReadTests(TestCase):
    read_request = pure("read_request")

    def read(self, data, size=8192, count=128):
        return self.read_request(data, size, count)

    def test_an_ordinary_request_is_read(self):
        fields = {"host": "h", "x-way": "one two"}
        self.assertEqual(self.read(HEAD), ("/chat?a=b", fields, len(HEAD) - 4))

    def test_what_follows_is_left(self):
        self.assertEqual(self.read(HEAD + b"\r\n\x81"), self.read(HEAD))

    def test_a_head_may_have_no_headers(self):
        self.assertEqual(self.read(b"GET / HTTP/1.1\r\n\r\n"), ("/", {}, 14))

    def test_it_may_be_anything_that_is_like_bytes(self):
        for kind in (bytearray, memoryview):
            self.assertEqual(self.read(kind(HEAD)), self.read(HEAD))

    def test_a_path_may_have_any_other_character(self):
        path = "/" + "".join(chr(code) for code in range(0x21, 0x7F) if code != ord("#"))
        self.assertEqual(self.read(f"GET {path} HTTP/1.1\r\n\r\n".encode())[0], path)

    def test_values_are_utf_8(self):
        head = b"GET / HTTP/1.1\r\nA: \xc3\xa9\r\nB: \xff\r\nC: \xe2\x82\r\nD: \xc3\r\n\r\n"
        _, fields, _ = self.read(head)
        self.assertEqual(fields, {"a": "\xe9", "b": "\ufffd", "c": "\ufffd", "d": "\ufffd"})

    def test_a_value_may_be_empty(self):
        _, fields, _ = self.read(b"GET / HTTP/1.1\r\nA:\r\nB: \t \r\n\r\n")
        self.assertEqual(fields, {"a": "", "b": ""})

    def test_a_name_may_have_any_character_of_a_token(self):
        name = b"!#$%&'*+-.^_`|~09azAZ"
        _, fields, _ = self.read(b"GET / HTTP/1.1\r\n" + name + b": 1\r\n\r\n")
        self.assertEqual(fields, {name.decode().lower(): "1"})

    def test_before_it_is_whole_it_is_not_ordinary(self):
        for size in range(len(HEAD)):
            self.assertIsNone(self.read(HEAD[:size]))

    def test_what_is_longer_than_it_may_be_is_not_ordinary(self):
        self.assertIsNotNone(self.read(HEAD, size=len(HEAD)))
        for size in (len(HEAD) - 1, 0, -1):
            self.assertIsNone(self.read(HEAD, size=size))

    def test_one_with_more_headers_than_it_may_have_is_not_ordinary(self):
        self.assertIsNotNone(self.read(HEAD, count=2))
        self.assertIsNone(self.read(HEAD, count=1))

    def test_64_kib_of_each_shape(self):
        """Attack 7: linear in what a client sends."""
        for shape in (b"a", b" ", b"a:", b":", b"\t", b"\r\na:", b"\r\na:a", b"\r\n:"):
            lines = shape * (2**16 // len(shape))
            for start in (b"GET /", b"GET / HTTP/1.1\r\na:"):
                for end in (b"", b"\0", b"\r", b"\r\n:"):
                    self.assertIsNone(self.read(start + lines + end, size=2**17))

    def test_one_with_a_header_twice_is_not_ordinary(self):
        self.assertIsNone(self.read(b"GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\na: 1\r\n\r\n"))

    def test_what_is_another_request_or_none_is_not_ordinary(self):
        for line in (
            b"HEAD / HTTP/1.1",
            b"get / HTTP/1.1",
            b"GET / HTTP/1.0",
            b"GET / HTTP/1.1 ",
            b"GET  / HTTP/1.1",
            b"GET http://h/ HTTP/1.1",
            b"GET * HTTP/1.1",
            b"GET  HTTP/1.1",
            b"GET /\xe9 HTTP/1.1",
            b"GET /# HTTP/1.1",
            b"GET /a#b HTTP/1.1",
            b"\r\nGET / HTTP/1.1",
            b"GET /\x7f HTTP/1.1",
            b"GET /",
            b"",
            b"\x16\x03\x01",
        ):
            self.assertIsNone(self.read(line + b"\r\nHost: h\r\n\r\n"), line)

    def test_with_a_malformed_line_it_is_not_ordinary(self):
        for line in (
            b"no colon",
            b": a",
            b"A : a",
            b" A: a",
            b"A: a\n",
            b"A: a\rb",
            b"A: \x00",
            b"A: \x7f",
            b"\xe9: a",
            b"\x00: a",
            b"A: a\n\n",
        ):
            head = b"GET / HTTP/1.1\r\nHost: h\r\n" + line + b"\r\n\r\n"
            self.assertIsNone(self.read(head), line)

    def test_what_are_no_bytes_or_numbers_is_an_error(self):
        for arguments in ((None, 9999, 9), (HEAD, None, 9), (HEAD, 9999, None), (HEAD, 9999)):
            self.assertRaises(TypeError, self.read_request, *arguments)


@in_c
class ReadInCTests(ReadTests):
    read_request = staticmethod(read_request)
