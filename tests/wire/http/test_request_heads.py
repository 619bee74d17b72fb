from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.twins import in_c, pure
from txws2.wire.http.request_heads import split_request, wrong_request

HEAD = b"GET /chat?a=b HTTP/1.1\r\nHost: h\r\nX-Way:\t one two \t"


class SplitTests(TestCase):
    split_request = pure("split_request")

    def fields(self, *lines):
        *_, fields = self.split_request(b"\r\n".join([b"GET / HTTP/1.1", *lines]))
        return fields

    def test_a_head_is_split(self):
        fields = {"host": "h", "x-way": "one two"}
        self.assertEqual(self.split_request(HEAD), ("GET", "/chat?a=b", "HTTP/1.1", fields))

    def test_a_head_may_have_no_headers(self):
        self.assertEqual(self.fields(), {})

    def test_it_may_be_anything_that_is_like_bytes(self):
        for kind in (bytearray, memoryview):
            self.assertEqual(self.split_request(kind(HEAD)), self.split_request(HEAD))

    def test_a_target_may_have_any_visible_character(self):
        for target in "*", "h:80", "".join(map(chr, range(0x21, 0x7F))):
            head = f"OPTIONS {target} HTTP/1.0".encode()
            self.assertEqual(self.split_request(head), ("OPTIONS", target, "HTTP/1.0", {}))

    def test_a_method_and_a_name_may_have_any_character_of_a_token(self):
        token = b"!#$%&'*+-.^_`|~09azAZ"
        method, *_, fields = self.split_request(token + b" / HTTP/9.0\r\n" + token + b": 1")
        self.assertEqual((method, fields), (token.decode(), {token.decode().lower(): "1"}))

    def test_values_are_utf_8(self):
        fields = self.fields(b"A: \xc3\xa9", b"B: \xff", b"C: \xe2\x82", b"D: \xc3")
        self.assertEqual(fields, {"a": "\xe9", "b": "\ufffd", "c": "\ufffd", "d": "\ufffd"})

    def test_a_value_may_be_empty(self):
        self.assertEqual(self.fields(b"A:", b"B: \t "), {"a": "", "b": ""})

    def test_a_header_may_occur_again(self):
        fields = self.fields(b"A: 1", b"B: 2", b"a:\t3 ", b"A:", b"b: 2")
        self.assertEqual(fields, {"a": ("1", "3", ""), "b": ("2", "2")})

    def test_without_a_request_line_it_is_not_split(self):
        for line in (
            b"",
            b"GET",
            b"GET /",
            b"GET / ",
            b"GET / HTTP/1.",
            b"GET / HTTP/1.1 ",
            b"GET / HTTP/11.1",
            b"GET / HTTP/a.1",
            b"GET / HTTP/1.a",
            b"GET / http/1.1",
            b"GET  / HTTP/1.1",
            b"GET  HTTP/1.1",
            b" / HTTP/1.1",
            b"G T / HTTP/1.1",
            b"G@T / HTTP/1.1",
            b"GET /\xe9 HTTP/1.1",
            b"GET /\x7f HTTP/1.1",
            b"GET / HTTP/1.1\n",
            b"\r\nGET / HTTP/1.1",
            b"\x16\x03\x01",
        ):
            for head in (line, line + b"\r\nHost: h"):
                self.assertIsNone(self.split_request(head), head)
                self.assertIn("invalid request line", str(wrong_request(head)))

    def test_with_a_line_that_is_no_header_it_is_not_split(self):
        for line in (
            b"no colon",
            b": a",
            b"A : a",
            b" A: a",
            b"A: a\n",
            b"A: a\rb",
            b"A: a\r",
            b"A: \x00",
            b"A: \x7f",
            b"\xe9: a",
            b"\x00: a",
            b"A: a\n\n",
        ):
            for head in (b"GET / HTTP/1.1\r\nHost: h\r\n" + line, b"GET / HTTP/1.1\r\n" + line):
                self.assertIsNone(self.split_request(head), head)
                self.assertEqual(str(wrong_request(head)), f"invalid header line: {line!r}")

    def test_an_end_behind_the_last_line_is_no_header(self):
        for end in (b"\r\n", b"\r\n\r\n", b"\r", b"\n"):
            self.assertIsNone(self.split_request(HEAD + end))

    def test_64_kib_of_each_shape(self):
        """Attack 7: linear in what a client sends."""
        for shape in (b"a", b" ", b"a:", b":", b"\t", b"\r\na:", b"\r\na:a", b"\r\n:"):
            lines = shape * (2**16 // len(shape))
            for start in (b"GET /", b"GET / HTTP/1.1\r\na:"):
                for end in (b"\0", b"\r", b"\r\n:"):
                    self.assertIsNone(self.split_request(start + lines + end))

    def test_another_type_than_bytes_is_an_error(self):
        for head in (None, "GET / HTTP/1.1", 1):
            self.assertRaises(TypeError, self.split_request, head)


@in_c
class SplitInCTests(SplitTests):
    split_request = staticmethod(split_request)
