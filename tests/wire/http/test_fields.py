import contextlib

from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.heads import headers_of
from txws2.exceptions import InvalidHeader, InvalidMessage
from txws2.wire.http.fields import Headers, Lookup, parse_headers
from txws2.wire.http.heads import Request


class HeadersTests(TestCase):
    def test_they_show_no_credentials(self):
        headers = Headers()
        for name, value in (
            ("Authorization", "Basic bWU6c2VjcmV0"),
            ("Proxy-Authorization", "secret"),
            ("X", "1"),
            ("X", "2"),
        ):
            headers.addRawHeader(name, value)
        self.assertIn("'Basic ***'", repr(headers))
        self.assertIn("['1', '2']", repr(headers))
        for secret in "bWU6c2VjcmV0", "secret":
            self.assertNotIn(secret, repr(headers))

    def setUp(self):
        self.headers = headers_of(("Cookie", "a"), ("X-Way", "1"), ("x-way", "2"))

    def test_one_value_is_itself(self):
        self.assertEqual(self.headers["cookie"], "a")
        self.assertEqual(self.headers.get("COOKIE"), "a")

    def test_several_are_joined(self):
        self.assertEqual(self.headers["X-Way"], "1, 2")
        self.assertEqual(self.headers.get_all("X-WAY"), ["1", "2"])

    def test_a_missing_header_is_none(self):
        self.assertIsNone(self.headers.get("Y"))
        self.assertEqual(self.headers.get("Y", "z"), "z")
        self.assertEqual(self.headers.get_all("Y"), [])
        exc = self.assertRaises(KeyError, self.headers.__getitem__, "Y")
        self.assertEqual(exc.args, ("Y",))

    def test_an_empty_value_is_there(self):
        headers = headers_of(("X", ""))
        self.assertEqual((headers["X"], headers.get("X", "z"), "X" in headers), ("", "", True))

    def test_membership_is_found_by_name(self):
        self.assertIn("cookie", self.headers)
        self.assertNotIn("Y", self.headers)
        self.assertNotIn(7, self.headers)

    def test_a_name_that_no_header_can_have_is_not_in(self):
        for name in ("", "a b", "é", "€", "a\n"):
            self.assertNotIn(name, self.headers)
            self.assertIsNone(self.headers.get(name))

    def test_the_names(self):
        self.assertEqual(list(self.headers), ["Cookie", "X-Way"])

    def test_values_are_utf8(self):
        headers = headers_of(("X", b"\xc3\xa9"), ("Y", b"\xff"))
        self.assertEqual((headers["X"], headers["Y"]), ("é", "\ufffd"))

    def test_they_change_as_those_of_twisted_web_do(self):
        self.headers.setRawHeaders(b"X-WAY", ["3", b"4"])
        self.headers.removeHeader("COOKIE")
        self.headers.removeHeader(b"Y")
        self.headers.addRawHeader(b"Z", b"\xff")
        raw = [(b"X-WAY", [b"3", b"4"]), (b"Z", [b"\xff"])]
        self.assertEqual(list(self.headers.getAllRawHeaders()), raw)

    def test_a_copy_is_equal_until_one_of_them_changes(self):
        copied = self.headers.copy()
        self.assertEqual(copied, self.headers)
        copied.addRawHeader("Cookie", "b")
        self.assertNotEqual(copied, self.headers)
        self.assertEqual(self.headers["Cookie"], "a")

    def test_names_are_equal_whatever_their_case(self):
        self.assertEqual(headers_of(("X-Way", "1")), headers_of(("x-way", "1")))
        self.assertNotEqual(Headers(), {})

    def test_a_name_that_is_no_token_is_refused(self):
        for name in ("", "a b", "é", "a\n", b"a:", b"\xff"):
            for change in (self.headers.addRawHeader, self.headers.setRawHeaders):
                exc = self.assertRaises(InvalidHeader, change, name, "1")
                self.assertIn("the name isn't a token", str(exc))


def fields_of(head):
    return Request.received(head).fields


class FieldsTests(TestCase):
    head = b"GET / HTTP/1.1\r\nHost: h\r\nX:\xff\t\r\nx: \xc3\xa9\xc3\r\nEmpty:"

    def test_they_are_read_as_headers_are(self):
        fields, headers = fields_of(self.head), parse_headers(self.head)
        for name, values in (
            ("host", ["h"]),
            ("X", ["\ufffd", "é\ufffd"]),
            ("EMPTY", [""]),
            ("Y", []),
            ("é", []),
        ):
            self.assertEqual(fields.get_all(name), values)
            self.assertEqual(headers.get_all(name), values)

    def test_fields_can_be_compared(self):
        names = ("host", "x", "y")
        fields, headers = fields_of(self.head), parse_headers(self.head)
        again = fields_of(self.head.replace(b"Empty", b"Other"))
        self.assertEqual(fields.said(names), again.said(names))
        self.assertNotEqual(fields.said(names), fields.said(("host", "y", "x")))
        self.assertEqual(headers.said(names), (("h",), ("\ufffd", "é\ufffd"), ()))
        self.assertEqual({fields.said(names): 1}[again.said(names)], 1)

    def test_they_can_be_looked_up_as_headers_can(self):
        fields = fields_of(self.head)
        self.assertEqual(
            (fields["HOST"], fields.get("x"), fields["x"]), ("h", *["\ufffd, é\ufffd"] * 2)
        )
        self.assertEqual((fields.get("Y"), fields.get("Y", "z")), (None, "z"))
        self.assertEqual(
            [name in fields for name in ("X", "Empty", "Y", 7)], [True, True, False, False]
        )

    def test_a_head_may_have_none(self):
        self.assertEqual(fields_of(b"GET / HTTP/1.1").get_all("Host"), [])
        for head in (b"", b"GET / HTTP/1.1"):
            self.assertEqual(parse_headers(head), Headers())

    def test_an_invalid_header_is_reported(self):
        for line in (b"no colon", b"X : a", b" X: a", b"X: a\rb", b": a", b"X: \x00"):
            for read in (fields_of, parse_headers):
                error = self.assertRaises(
                    InvalidMessage, read, b"GET / HTTP/1.1\r\nA: b\r\n" + line
                )
                self.assertEqual(str(error), f"invalid header line: {line!r}")

    def test_64_kib_of_each_shape(self):
        """Attack 7: linear in what a peer sends."""
        for shape in (b"a", b"a:", b":", b"\t", b"\r\na:", b"\r\na:a", b"\r\n", b"a: \r\na:"):
            lines = shape * (2**16 // len(shape))
            for end in (b"", b"\0", b"\r", b"\r\n:"):
                for read in (fields_of, parse_headers):
                    with contextlib.suppress(InvalidMessage):
                        read(b"GET / HTTP/1.1\r\na:" + lines + end)

    def test_fields_do_not_decide_how_they_are_looked_up(self):
        self.assertRaises(NotImplementedError, Lookup().get_all, "X")
