"""Redirects: those that are followed, and those that are refused."""

from twisted.trial.unittest import SynchronousTestCase

from txws2.exceptions import InvalidURI, RedirectError
from txws2.wire.handshake.redirects import MAX_REDIRECTS, redirection
from txws2.wire.http.heads import Headers, Response
from txws2.wire.http.uris import parse_uri

START = "ws://example.com/a/b?c=d"


def follow(location, uri=START, status=302, chain=None):
    headers = Headers()
    if location is not None:
        headers.addRawHeader("Location", location)
    return redirection(parse_uri(uri), Response(status, "", headers), chain or [uri])


class RedirectionTests(SynchronousTestCase):
    def assertRefused(self, words, location, **options):
        with self.assertRaises(RedirectError) as caught:
            follow(location, **options)
        self.assertIn(words, str(caught.exception))
        return caught.exception

    def test_a_location_may_be_relative(self):
        for location, expected in (
            ("/x", "ws://example.com/x"),
            ("x?y=z", "ws://example.com/a/x?y=z"),
            ("?y", "ws://example.com/a/b?y"),
            ("//other.example", "ws://other.example/"),
            ("../../x", "ws://example.com/x"),
            ("", START),
            ("/x#fragment", "ws://example.com/x"),
        ):
            self.assertEqual(str(follow(location)), expected)

    def test_the_schemes_of_http_stand_for_those_of_websockets(self):
        for location, expected in (
            ("http://h/", "ws://h/"),
            ("HTTPS://h/http:x", "wss://h/http:x"),
            ("ws://h:81/", "ws://h:81/"),
        ):
            self.assertEqual(str(follow(location)), expected)

    def test_the_zone_of_the_server_s_address_stays(self):
        """RFC 6874: a zone has a meaning on this machine only; no server knows it."""
        for location, host in (
            ("/x", "fe80::1%eth0"),
            ("http://[fe80::1]/x", "fe80::1%eth0"),
            ("http://[fe80::1%25lo]/x", "fe80::1%lo"),
            ("http://[fe80::2]/x", "fe80::2"),
        ):
            self.assertEqual(follow(location, uri="ws://[fe80::1%eth0]/").host, host)

    def test_five_statuses_are_redirects(self):
        for status in (301, 302, 303, 307, 308):
            self.assertIsNotNone(follow("/", status=status))
        for status in (200, 300, 304, 305, 306, 404):
            self.assertIsNone(follow("/", status=status))
        self.assertIsNone(follow(None))

    def test_it_never_leads_from_wss_to_ws(self):
        """Attack 20."""
        for location in ("ws://example.com/", "http://example.com/"):
            error = self.assertRefused("from wss to ws", location, uri="wss://example.com/")
            self.assertEqual(error.chain, ("wss://example.com/", "ws://example.com/"))
        self.assertTrue(follow("wss://example.com/").secure)

    def test_credentials_of_the_uri_stay_with_its_origin(self):
        for location, username in (
            ("/x", "me"),
            ("ws://EXAMPLE.com:80/", "me"),
            ("ws://you@example.com/", "you"),
            ("wss://example.com/", None),
            ("ws://example.com:81/", None),
            ("ws://example.org/", None),
        ):
            uri = follow(location, uri="ws://me:secret@example.com/")
            self.assertEqual(uri.username, username, location)

    def test_a_wrong_uri_is_reported_without_its_password(self):
        for location in ("ftp://me:secret@h/", "ws://me:secret/@h", "ws://me:se@secret@h/"):
            error = self.assertRefused("isn't a WebSocket URI", location)
            self.assertNotIn("secret", str(error))
        self.assertIsInstance(error.__cause__, InvalidURI)
        for location in ("ws://h:x/", "ws://[/", "mailto:me", "a b"):
            self.assertRefused("isn't a WebSocket URI", location)

    def test_the_part_that_python_quotes_is_not_shown(self):
        error = self.assertRefused("(its host is malformed)", "//me:\u2100@h\u2028/")
        self.assertNotIn("\u2028", str(error))

    def test_there_are_ten_at_most(self):
        follow("/", chain=[START] * MAX_REDIRECTS)
        self.assertRefused("more than 10 times", "/", chain=[START] * (MAX_REDIRECTS + 1))
