from http import HTTPStatus

from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.heads import REQUEST, RESPONSE, ReaderTestCase, headers_of
from txws2.exceptions import (
    InvalidMessage,
    InvalidProtocol,
)
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.readers import RequestReader


class RequestTests(ReaderTestCase):
    def test_a_request_is_read(self):
        headers = headers_of(("Host", "example.com"), ("X", "a"), ("X", "b"))
        self.assertEqual(self.request(REQUEST), Request("/chat?room=1", headers, "GET"))

    def test_other_methods_are_read_too(self):
        self.assertEqual(self.request(b"M-SEARCH / HTTP/1.1\r\n\r\n").method, "M-SEARCH")

    def test_a_whole_uri_may_be_the_target(self):
        """RFC 9112 section 3.2.2."""
        for target, path in (
            (b"http://example.com/a?b", "/a?b"),
            (b"WSS://example.com:443/", "/"),
            (b"https://example.com", "/"),
            (b"ws://example.com?b", "/?b"),
            (b"//a", "//a"),
        ):
            self.assertEqual(self.request(b"GET " + target + b" HTTP/1.1\r\n\r\n").path, path)

    def test_other_targets_are_refused(self):
        for target in (
            "*",
            "example.com:80",
            "ftp://h/",
            "a",
            "http:///a",
            "xws://h/",
            "?",
            "[::1]",
        ):
            expected = (InvalidMessage, f"invalid request target: {target!r}")
            data = f"GET {target} HTTP/1.1\r\n\r\n".encode()
            self.assertEqual(self.request(data), expected)

    def test_options_may_be_for_the_whole_server(self):
        """RFC 9112 section 3.2.4."""
        request = self.request(b"OPTIONS * HTTP/1.1\r\n\r\n")
        self.assertEqual((request.method, request.path), ("OPTIONS", "*"))
        for line in (b"HEAD *", b"options *", b"OPTIONS **", b"OPTIONS *?a"):
            self.assertEqual(self.request(line + b" HTTP/1.1\r\n\r\n")[0], InvalidMessage)

    def test_connect_may_be_for_a_host_and_port(self):
        """RFC 9112 section 3.2.3."""
        for target in ("example.com:443", "127.0.0.1:1", "[::1]:80", "a_b:65535"):
            request = self.request(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
            self.assertEqual((request.method, request.path), ("CONNECT", target))
        for target in ("example.com", "a:", "a:x", "u@a:1", "a:1:2", "a:1/", "[]:1", "*", ":1"):
            expected = (InvalidMessage, f"invalid request target: {target!r}")
            self.assertEqual(self.request(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode()), expected)

    def test_a_fragment_is_refused(self):
        for target in (
            "/chat#a",
            "/#",
            "http://h/#a",
            "http://h#a",
            "/?a#b",
            "#",
            "/" + "x" * 90 + "#",
        ):
            for method in ("GET", "POST"):
                text = f"the request target has a fragment: {target[:80]!r}; leave it out"
                data = f"{method} {target} HTTP/1.1\r\n\r\n".encode()
                self.assertEqual(self.request(data), (InvalidMessage, text))

    def test_an_invalid_request_line_is_refused(self):
        for line in (
            b"GET /",
            b"GET / HTTP/1.1 ",
            b" GET / HTTP/1.1",
            b"GET  / HTTP/1.1",
            b"GET / a HTTP/1.1",
            b"G(T / HTTP/1.1",
            b"GET / http/1.1",
            b"GET / HTTP/11",
            b"GET / HTTP/1.1\r",
            b"GET /\x00 HTTP/1.1",
            b"GET /\x7f HTTP/1.1",
            b"GET /\xc3\xa9 HTTP/1.1",
            b"\x15\x03\x01\x02",
        ):
            expected = (InvalidMessage, f"invalid request line: {line!r}")
            self.assertEqual(self.request(line + b"\r\n\r\n"), expected)

    def test_other_versions_are_refused(self):
        for version in ("2.0", "0.9", "1.2", "3.0"):
            expected = (InvalidProtocol, f"the protocol must be HTTP/1.1; it is HTTP/{version}")
            self.assertEqual(self.request(f"GET / HTTP/{version}\r\n\r\n".encode()), expected)

    def test_http_1_0_is_read_so_that_somebody_can_answer(self):
        """Health checks speak HTTP/1.0, which can't upgrade."""
        request = self.request(b"OPTIONS / HTTP/1.0\r\n\r\n")
        self.assertEqual((request.method, request.path), ("OPTIONS", "/"))
        self.assertEqual((request.protocol, Request("/").protocol), ("HTTP/1.0", "HTTP/1.1"))
        self.assertEqual(request.serialize(), b"OPTIONS / HTTP/1.0\r\n\r\n")
        self.assertNotEqual(request, Request("/", method="OPTIONS"))

    def test_a_long_line_is_not_repeated(self):
        line = b"x" * 100
        expected = (InvalidMessage, f"invalid request line: {line[:80]!r}")
        self.assertEqual(self.request(line + b"\r\n\r\n"), expected)
        expected = (InvalidMessage, f"invalid request target: {'x' * 80!r}")
        self.assertEqual(self.request(b"GET " + line + b" HTTP/1.1\r\n\r\n"), expected)

    def test_its_fields_are_those_of_its_headers(self):
        lines = b"Host: h\r\nX:\xff\t\r\nx: \xc3\xa9\xc3\r\nEmpty:\r\n"
        request = RequestReader().receive(b"GET / HTTP/1.1\r\n" + lines + b"\r\n")
        fields = request.fields
        for name, values in (
            ("host", ["h"]),
            ("X", ["\ufffd", "é\ufffd"]),
            ("EMPTY", [""]),
            ("Y", []),
            ("é", []),
        ):
            self.assertEqual(fields.get_all(name), values)
            self.assertEqual(request.headers.get_all(name), values)

    def test_headers_that_were_changed_are_its_fields(self):
        request = RequestReader().receive(REQUEST)
        request.headers.setRawHeaders("Host", ["other"])
        self.assertEqual(request.fields["Host"], "other")

    def test_it_differs_from_another(self):
        request = Request("/", headers_of(("X", "a")))
        self.assertEqual(request, Request("/", headers_of(("x", "a"))))
        for other in (
            Request("/a", headers_of(("X", "a"))),
            Request("/", headers_of(("X", "b"))),
            Request("/", headers_of(("X", "a")), "HEAD"),
            "GET /",
        ):
            self.assertNotEqual(request, other)

    def test_it_shows_what_it_is(self):
        shown = repr(RequestReader().receive(b"GET /a HTTP/1.1\r\n\r\n"))
        self.assertEqual(shown, "Request(path='/a', headers=Headers({}), method='GET')")

    def test_its_query_is_decoded(self):
        self.assertEqual(dict(Request("/chat?room=a%20b&room=c&x").query), {"room": "a b", "x": ""})
        self.assertEqual(Request("/chat?a=?").query["a"], "?")
        self.assertEqual(dict(Request("/chat").query), {})

    def test_its_cookies_are_those_of_all_its_lines(self):
        request = RequestReader().receive(
            b"GET / HTTP/1.1\r\nCookie: a=1; b=2\r\ncookie: c=\xc3\xa9\r\n\r\n"
        )
        self.assertEqual(request.cookies, {"a": "1", "b": "2", "c": "é"})
        self.assertEqual(Request("/").cookies, {})
        self.assertEqual(Request("/", headers_of(("Cookie", "a=b"))).cookies, {"a": "b"})

    def test_attributes_of_others_have_room_on_it(self):
        request = Request("/")
        request.user = "somebody"
        self.assertEqual(request.user, "somebody")


class ResponseTests(ReaderTestCase):
    def test_a_response_is_read(self):
        expected = Response(101, "Switching Protocols", headers_of(("Upgrade", "websocket")))
        self.assertEqual(self.response(RESPONSE), expected)

    def test_a_phrase_may_be_anything_or_nothing(self):
        for line, phrase in (
            (b"HTTP/1.1 404", ""),
            (b"HTTP/1.1 404 ", ""),
            (b"HTTP/1.0 404 Not  Found\t!", "Not  Found\t!"),
            (b"HTTP/1.1 404 \xc3\xa9\xff", "é\ufffd"),
        ):
            self.assertEqual(self.response(line + b"\r\n\r\n"), Response(404, phrase))

    def test_other_versions_are_refused(self):
        expected = (InvalidProtocol, "the protocol must be HTTP/1.1; it is HTTP/2.0")
        self.assertEqual(self.response(b"HTTP/2.0 200 OK\r\n\r\n"), expected)

    def test_an_invalid_status_line_is_refused(self):
        for line in (
            b"",
            b"HTTP/1.1",
            b"HTTP/1.1 20 OK",
            b"HTTP/1.1 2000 OK",
            b"HTTP/1.1 abc",
            b"HTTP/1.1  200 OK",
            b"HTTP/1.1 200OK",
            b"http/1.1 200 OK",
            b"HTTP/1.1 200 O\x00K",
            b"HTTP/1.1 200 O\rK",
            b"SSH-2.0-OpenSSH_9.9",
        ):
            expected = (InvalidMessage, f"invalid status line: {line!r}")
            self.assertEqual(self.response(line + b"\r\n\r\n"), expected)

    def test_a_long_line_is_not_repeated(self):
        expected = (InvalidMessage, f"invalid status line: {b'x' * 80!r}")
        self.assertEqual(self.response(b"x" * 100 + b"\r\n\r\n"), expected)


class SetCookieTests(TestCase):
    def test_each_has_a_line_of_its_own(self):
        response = Response(200, "OK")
        response.set_cookie("a", "1")
        response.set_cookie("b", "2", path=None, samesite=None, httponly=False)
        values = response.headers.get_all("Set-Cookie")
        self.assertEqual(values, ["a=1; Path=/; SameSite=Lax; HttpOnly", "b=2"])
        self.assertIn(b"\r\nSet-Cookie: b=2\r\n", response.serialize())

    def test_all_attributes_reach_it(self):
        response = Response(200, "OK")
        response.set_cookie(
            "a", "1", max_age=9, domain="d", path="/p", secure=True, samesite="Strict"
        )
        self.assertEqual(
            response.headers["Set-Cookie"],
            "a=1; Max-Age=9; Domain=d; Path=/p; SameSite=Strict; Secure; HttpOnly",
        )

    def test_an_invalid_cookie_is_an_error(self):
        response = Response(200, "OK")
        self.assertRaises(ValueError, response.set_cookie, "a", "1; Domain=evil.example")
        self.assertNotIn("Set-Cookie", response.headers)


class HeaderLinesTests(ReaderTestCase):
    def value(self, line):
        head = self.request(b"GET / HTTP/1.1\r\n" + line + b"\r\n\r\n")
        return head.headers.get_all("X") if isinstance(head, Request) else head

    def test_space_around_a_value_is_no_part_of_it(self):
        for line in (b"X:a", b"X: a", b"x: \t a\t "):
            self.assertEqual(self.value(line), ["a"])

    def test_a_value_may_be_empty(self):
        self.assertEqual(self.value(b"X:"), [""])
        self.assertEqual(self.value(b"X: \t"), [""])

    def test_a_value_may_have_colons_and_spaces_and_bytes_of_other_charsets(self):
        self.assertEqual(self.value(b"X: XaX"), ["XaX"])
        self.assertEqual(self.value(b"X: a: b\t\x80~"), ["a: b\t\ufffd~"])

    def test_a_malformed_line_is_refused(self):
        """Attack 9, from the other side; and RFC 9112 section 5."""
        for line in (
            b"X",
            b": a",
            b"X : a",
            b" X: a",
            b"X: a\r\n b",
            b"X: a\r\n\tb: c",
            b"X: a\x00",
            b"X: a\rb",
            b"X: a\x7f",
            b"X: a\x1f",
            b"X\x00: a",
            b"\xc3\xa9: a",
            b"X(: a",
        ):
            bad = line.rpartition(b"\r\n")[2]
            expected = (InvalidMessage, f"invalid header line: {bad!r}")
            self.assertEqual(self.value(line), expected)

    def test_a_long_line_is_not_repeated(self):
        expected = (InvalidMessage, f"invalid header line: {b'x' * 80!r}")
        self.assertEqual(self.value(b"x" * 100), expected)


class SerializeTests(TestCase):
    def test_a_request(self):
        headers = headers_of(("Host", "h"), ("sec-websocket-key", "k"), ("X", "a"), ("x", "b"))
        self.assertEqual(
            Request("/a?b", headers).serialize(),
            b"GET /a?b HTTP/1.1\r\nHost: h\r\nsec-websocket-key: k\r\nX: a\r\nX: b\r\n\r\n",
        )

    def test_a_response(self):
        response = Response(404, "Not Found", headers_of(("X", "a")), b"body")
        self.assertEqual(response.serialize(), b"HTTP/1.1 404 Not Found\r\nX: a\r\n\r\nbody")

    def test_a_head_may_be_the_first_line_alone(self):
        self.assertEqual(Request("/").serialize(), b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(Response(101, "Go").serialize(), b"HTTP/1.1 101 Go\r\n\r\n")

    def test_an_invalid_first_line_is_refused(self):
        exc = self.assertRaises(InvalidMessage, Request("/a b").serialize)
        self.assertEqual(str(exc), "invalid first line: 'GET /a b HTTP/1.1'")
        exc = self.assertRaises(InvalidMessage, Response(200, "é" + "x" * 80).serialize)
        self.assertEqual(str(exc), f"invalid first line: {'HTTP/1.1 200 é' + 'x' * 66!r}")

    def test_an_invalid_value_is_refused(self):
        for value in (b"\x7f" + b"x" * 80, b"\xc3\xa9" + b"x" * 80):
            exc = self.assertRaises(
                InvalidMessage, Request("/", headers_of(("X", value))).serialize
            )
            self.assertEqual(str(exc), f"invalid value of X: {value[:80]!r}")

    def test_each_has_headers_of_its_own(self):
        self.assertIsNot(Request("/").headers, Request("/").headers)
        self.assertIsNot(Response(200, "").headers, Response(200, "").headers)

    def test_a_plain_response_ends_the_connection(self):
        self.assertEqual(
            Response.plain(HTTPStatus.NOT_FOUND, "né").serialize(),
            b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Length: 3\r\nConnection: close\r\n\r\nn\xc3\xa9",
        )

    def test_reason_phrases_are_those_of_rfc_9110_on_every_python(self):
        phrases = {
            400: "Bad Request",
            401: "Unauthorized",
            403: "Forbidden",
            404: "Not Found",
            405: "Method Not Allowed",
            408: "Request Timeout",
            413: "Content Too Large",
            414: "URI Too Long",
            416: "Range Not Satisfiable",
            422: "Unprocessable Content",
            426: "Upgrade Required",
            429: "Too Many Requests",
            431: "Request Header Fields Too Large",
            500: "Internal Server Error",
            503: "Service Unavailable",
            505: "HTTP Version Not Supported",
        }
        for status, phrase in phrases.items():
            self.assertEqual(Response.plain(HTTPStatus(status), "").reason_phrase, phrase)
