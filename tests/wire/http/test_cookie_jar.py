"""Cookies that a server sets with a redirect, and the next request to it."""

from email.utils import formatdate

from hypothesis import given
from hypothesis.strategies import lists, text
from twisted.trial.unittest import SynchronousTestCase

from tests.support.heads import headers_of
from txws2.wire.http.cookie_jar import CookieJar
from txws2.wire.http.heads import Request
from txws2.wire.http.uris import parse_uri

NOW = 1_000_000_000.0
URI = "ws://example.com/a/b?c=d/e"


class CookieJarTests(SynchronousTestCase):
    def setUp(self):
        self.jar = CookieJar()

    def receive(self, *values, uri=URI):
        self.jar.receive(values, parse_uri(uri), NOW)

    def sent(self, uri=URI, *given):
        headers = headers_of(*(("Cookie", value) for value in given))
        self.jar.add_to(headers, parse_uri(uri))
        return headers.get_all("Cookie")

    def test_a_cookie_that_was_set_is_sent(self):
        self.assertEqual(self.sent(), [])
        self.receive("a=1", "b = x y ; HttpOnly; SameSite=Lax", 'c="q"', "d=e=f", "g=")
        self.assertEqual(self.sent(), ['a=1; b=x y; c="q"; d=e=f; g='])

    def test_the_last_with_a_name_counts(self):
        self.receive("a=1", "a=2")
        self.assertEqual(self.sent(), ["a=2"])

    def test_the_application_s_own_cookies_come_first_and_count_more(self):
        self.receive("a=1", "b=2")
        self.assertEqual(self.sent(URI, "a=mine; c=3"), ["a=mine; c=3; b=2"])
        self.assertEqual(self.sent(URI, "a=mine", "b=mine"), ["a=mine", "b=mine"])

    def test_an_invalid_cookie_is_not_kept(self):
        for value in "a", "", "=x", " ; Path=/", "a=\u00e9", "a=\x01", "\x7f=a", "a=" + "x" * 4096:
            self.receive(value)
        self.assertEqual(self.sent(), [])

    def test_a_path_is_that_and_all_below_it(self):
        for path, uri, expected in (
            ("", "ws://example.com/a/c", True),
            ("", "ws://example.com/a", True),
            ("", "ws://example.com/a/b/c", True),
            ("", "ws://example.com/ab", False),
            ("", "ws://example.com/", False),
            ("/", "ws://example.com/", True),
            ("/a/b", "ws://example.com/a/b?x", True),
            ("/a/b", "ws://example.com/a/bc", False),
            ("/a/b/", "ws://example.com/a/b", False),
            ("relative", "ws://example.com/a/x", True),
        ):
            self.jar = CookieJar()
            self.receive(f"k=v; Path={path}")
            self.assertEqual(self.sent(uri), ["k=v"] if expected else [], (path, uri))

    def test_the_path_of_a_page_at_the_root_is_for_all(self):
        self.receive("k=v", uri="ws://example.com/page")
        self.assertEqual(self.sent("ws://example.com/x/y"), ["k=v"])

    def test_those_with_longer_paths_come_first(self):
        self.receive("a=1; Path=/", "b=2; Path=/a/b", "a=3; Path=/a")
        self.assertEqual(self.sent(), ["b=2; a=3; a=1"])

    def test_an_expired_cookie_is_deleted(self):
        past, future = formatdate(NOW - 1, usegmt=True), formatdate(NOW + 99, usegmt=True)
        for attributes, kept in (
            ("Max-Age=0", False),
            ("max-age=-1", False),
            ("Max-Age=00", False),
            ("Max-Age=1", True),
            ("Max-Age=" + "9" * 4000, True),
            ("Max-Age=soon", True),
            (f"Expires={past}", False),
            (f"Expires={future}", True),
            (f"Expires={past}; Max-Age=5", True),
            (f"Expires={future}; Max-Age=0", False),
            ("Expires=Thu, 01-Jan-1970 00:00:00 GMT", False),
            ("Expires=never", True),
            ("Expires", True),
        ):
            self.jar = CookieJar()
            self.receive("a=old", "b=1")
            self.receive(f"a=new; {attributes}")
            self.assertEqual(self.sent(), ["b=1; a=new"] if kept else ["b=1"], attributes)

    def test_a_secure_one_is_kept_where_there_is_tls(self):
        self.receive("a=1; Secure")
        self.assertEqual(self.sent(), [])
        self.receive("a=1; secure", uri="wss://example.com/")
        self.assertEqual(self.sent("wss://example.com/"), ["a=1"])

    def test_one_for_another_domain_is_not_kept(self):
        uri = "ws://www.example.com/"
        for domain, kept in (
            ("www.example.com", True),
            (".Example.COM", True),
            ("example.com", True),
            ("", True),
            ("ww.example.com", False),
            ("xample.com", False),
            ("other.example", False),
            ("a.www.example.com", False),
        ):
            self.jar = CookieJar()
            self.receive(f"k=v; Domain={domain}", uri=uri)
            self.assertEqual(self.sent(uri), ["k=v"] if kept else [], domain)

    def test_no_more_than_fifty_are_kept(self):
        self.receive(*(f"{number}=x" for number in range(60)))
        self.receive("1=y")
        [cookies] = self.sent()
        self.assertEqual(len(cookies.split("; ")), 50)
        self.assertIn("1=y", cookies)

    @given(lists(text()))
    def test_any_cookies_leave_the_request_valid(self, values):
        jar, headers = CookieJar(), headers_of()
        jar.receive(values, parse_uri(URI), NOW)
        jar.add_to(headers, parse_uri(URI))
        Request("/", headers).serialize()
