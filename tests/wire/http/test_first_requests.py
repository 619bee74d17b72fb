"""The beginning of a first request: enough of it, a WebSocket or not, and its path."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.sides import REQUEST
from txws2.wire.http.first_requests import (
    asks_for_websocket,
    has_first_line,
    is_decided,
    is_tls,
    path_of,
)

PAGE = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n"


def decided_at(data):
    """Return the number of bytes that were enough, one byte after the other."""
    for known in range(len(data)):
        if is_decided(data[: known + 1], known):
            return known + 1
    return None


class DecidedTests(SynchronousTestCase):
    def test_a_get_is_decided_by_its_whole_head(self):
        for request in REQUEST, PAGE:
            self.assertEqual(decided_at(request + b"more"), len(request))
            self.assertTrue(is_decided(request + b"more", 0))

    def test_empty_lines_before_it_do_not_end_it(self):
        self.assertEqual(decided_at(b"\r\n\r\n" + PAGE), 4 + len(PAGE))

    def test_lines_may_end_without_a_cr_as_far_as_this_is_concerned(self):
        self.assertEqual(decided_at(b"GET / HTTP/1.1\nHost: a\n\nmore"), 24)

    def test_another_method_is_decided_by_its_name(self):
        """A body must not wait, as it may come only after "100 Continue"."""
        self.assertEqual(decided_at(b"POST / HTTP/1.1\r\n"), 1)
        self.assertEqual(decided_at(b"GETTING / HTTP/1.1\r\n"), 4)
        self.assertEqual(decided_at(b"\r\nPUT / HTTP/1.1\r\n"), 3)

    def test_tls_is_decided_at_once(self):
        self.assertEqual(decided_at(b"\x16\x03\x01\x02"), 1)
        self.assertTrue(has_first_line(b"\x16"))
        self.assertTrue(is_tls(b"\x16"))
        self.assertFalse(is_tls(PAGE))

    def test_the_first_line_is_there_with_its_end(self):
        for data, there in {
            b"": False,
            b"GET / HTTP/1.1\r": False,
            b"GET / HTTP/1.1\r\n": True,
            b"\r\n\r\n": False,
            b"\r\nGET / HTTP/1.1": False,
            b"\r\nGET / HTTP/1.1\n": True,
        }.items():
            self.assertEqual(has_first_line(data), there, data)


class AskingTests(SynchronousTestCase):
    def head(self, *lines, first=b"GET / HTTP/1.1"):
        return b"\r\n".join((first, *lines)) + b"\r\n\r\n"

    def assertAsks(self, expected, *lines, **options):
        self.assertIs(asks_for_websocket(self.head(*lines, **options)), expected)

    def test_a_request_for_a_websocket_asks(self):
        self.assertTrue(asks_for_websocket(REQUEST))
        self.assertTrue(asks_for_websocket(b"\r\n" + REQUEST))
        self.assertFalse(asks_for_websocket(PAGE))

    def test_the_header_may_be_written_in_any_way(self):
        for line in (
            b"Upgrade: websocket",
            b"UPGRADE:WebSocket",
            b"upgrade: h2c, websocket",
            b"Upgrade : websocket",
        ):
            self.assertAsks(True, b"Host: a", line)

    def test_other_upgrades_are_the_site_s(self):
        self.assertAsks(False, b"Upgrade: h2c", b"Connection: Upgrade")
        self.assertAsks(False, b"X-Upgrade: websocket")
        self.assertAsks(False, b"Cookie: upgrade: websocket")

    def test_a_key_asks_although_a_proxy_has_removed_upgrade(self):
        self.assertAsks(True, b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")

    def test_other_methods_do_not_ask(self):
        for method in b"POST", b"HEAD", b"get":
            first = method + b" / HTTP/1.1"
            self.assertAsks(False, b"Upgrade: websocket", first=first)

    def test_what_comes_after_the_head_does_not_matter(self):
        self.assertFalse(asks_for_websocket(PAGE + REQUEST))

    def test_of_a_head_that_has_not_ended_the_lines_so_far_count(self):
        self.assertTrue(asks_for_websocket(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nCookie: aa"))
        self.assertFalse(asks_for_websocket(b"GET / HTTP/1.1\r\nCookie: aaaaaaaaaaaaaaaaaaaa"))

    def test_what_is_no_request_does_not_ask(self):
        for data in b"", b"\r\n", b"nonsense", b"\0\0\0\0\n\n":
            self.assertFalse(asks_for_websocket(data))


class PathTests(SynchronousTestCase):
    def test_it_is_that_of_any_form_of_a_target(self):
        for target, path in {
            b"/chat?x=y": "/chat?x=y",
            b"/": "/",
            b"ws://example.com/chat": "/chat",
            b"http://example.com": "/",
            b"http://example.com?x": "/",
            b"*": "/",
            b"example.com:443": "/",
            b"/caf\xc3\xa9": "/café",
            b"/\xff": "/\ufffd",
        }.items():
            self.assertEqual(path_of(b"GET " + target + b" HTTP/1.1\r\n"), path)

    def test_without_a_request_line_it_is_the_root(self):
        for data in b"", b"\x16\x03", b"GET", b"\r\n\r\n":
            self.assertEqual(path_of(data), "/")
