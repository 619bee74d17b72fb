"""The URLs of proxies."""

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txws2.exceptions import InvalidProxy
from txws2.wire.proxy.urls import Proxy, host_and_port, parse_proxy


class ParseTests(SynchronousTestCase):
    def test_each_scheme_has_its_port(self):
        for scheme, port in (
            ("http", 80),
            ("https", 443),
            ("socks4", 1080),
            ("socks4a", 1080),
            ("socks5", 1080),
            ("socks5h", 1080),
        ):
            self.assertEqual(parse_proxy(f"{scheme}://h"), Proxy(scheme, "h", port))
            self.assertEqual(parse_proxy(f"{scheme}://h:1/"), Proxy(scheme, "h", 1))

    def test_socks_is_version_5_and_looks_names_up(self):
        self.assertEqual(parse_proxy("socks://h"), Proxy("socks5h", "h", 1080))
        self.assertEqual(parse_proxy("SOCKS://me:x@h:1"), Proxy("socks5h", "h", 1, "me", "x"))

    def test_a_host_and_a_port_are_a_proxy_of_plain_http(self):
        for text, expected in (
            ("proxy.example:3128", Proxy("http", "proxy.example", 3128)),
            ("proxy.example:3128/", Proxy("http", "proxy.example", 3128)),
            ("[::1]:3128", Proxy("http", "::1", 3128)),
            (
                "me:s%40cret@proxy.example:3128",
                Proxy("http", "proxy.example", 3128, "me", "s@cret"),
            ),
        ):
            self.assertEqual(parse_proxy(text), expected)

    def test_a_word_alone_is_none_and_the_error_says_how_to_have_none(self):
        for text in ("none", "None", "direct", "proxy.example", "", "//h:1", "http:h", "http:3128"):
            with self.assertRaises(InvalidProxy) as caught:
                parse_proxy(text)
            self.assertIn("or a host and a port, as proxy.example:3128;", str(caught.exception))
            self.assertIn("proxy=None, or --proxy none, is for no proxy", str(caught.exception))

    def test_credentials_are_decoded(self):
        proxy = parse_proxy("http://m%40e:s%3Acret@[::1]:3128")
        self.assertEqual(proxy, Proxy("http", "::1", 3128, "m@e", "s:cret"))

    def test_they_are_not_shown(self):
        self.assertEqual(str(parse_proxy("http://me:secret@[::1]:3128")), "http://[::1]:3128")
        for url in (
            "x://me:secret@h",
            "http://me:secret@h:x",
            "http://me:secret@h/path",
            "http://me:secret/@h",
            "http://me:secret@[::1",
            "http://me:a\nsecret@h:x",
            "http://me:secret@x@h:x",
            "me:secret@h",
            "me:secret@h:x",
            "socks5://me:secret" + "x" * 256 + "@h",
        ):
            with self.assertRaises(InvalidProxy) as caught:
                parse_proxy(url)
            failure = Failure(caught.exception)
            self.assertNotIn("secret", str(caught.exception) + repr(caught.exception))
            self.assertNotIn("secret", failure.getTraceback() + repr(failure))
            self.assertIsNone(caught.exception.__context__)

    def test_a_host_is_one_as_those_of_a_uri(self):
        for written, host in {
            "[fe80::1%25lo]": "fe80::1%lo",
            "[fe80::1%lo]": "fe80::1%lo",
            "127.1": "127.0.0.1",
            "my_proxy.": "my_proxy.",
        }.items():
            self.assertEqual(parse_proxy(f"http://{written}:3128").host, host)

    def test_credentials_that_cannot_be_decoded_are_refused(self):
        for url, words in (
            ("http://me:%ff@h", "isn't percent-encoded UTF-8"),
            ("socks5://%ff@h", "isn't percent-encoded UTF-8"),
            ("socks5://u:\ud800@h:1", "must name a host"),
            ("http://a..b:1", "must name a host"),
        ):
            with self.assertRaises(InvalidProxy) as caught:
                parse_proxy(url)
            self.assertIn(words, str(caught.exception))

    def test_credentials_are_in_no_repr(self):
        self.assertNotIn("secret", repr(parse_proxy("http://secret:secret@h")))

    def test_the_error_has_the_mistake(self):
        long = "x" * 256
        for url, words in (
            ("ftp://h", "must begin with one of http://, https://, socks4://"),
            ("proxy.example:99999", "a port from 1 to 65535"),
            ("http://", "must name a host"),
            ("http://h:0", "must name a host, and a port"),
            ("http://a<b", "must name a host"),
            ("http://ä", "must name a host"),
            ("http://h:99999", "a port from 1 to 65535"),
            ("http://[::1", "must name a host"),
            ("http://h/path", "a path, a query or a fragment"),
            ("http://h?query", "a path, a query or a fragment"),
            ("http://h#fragment", "a path, a query or a fragment"),
            ("http://m%3Ae@h", "its user name has a colon, which would end it in the request"),
            (f"socks5://{long}@h", "longer than 255 bytes"),
            (f"socks5://me:{long}@h", "longer than 255 bytes"),
        ):
            with self.assertRaises(InvalidProxy) as caught:
                parse_proxy(url)
            self.assertIn(words, str(caught.exception))
        parse_proxy(f"http://{long}@h")
        parse_proxy("socks5://m%3Ae@h")

    def test_an_ipv6_address_has_brackets_beside_a_port(self):
        self.assertEqual(host_and_port("::1", 80), "[::1]:80")
        self.assertEqual(host_and_port("h", 80), "h:80")
