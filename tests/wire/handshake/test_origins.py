import re

from hypothesis import given
from hypothesis import strategies as st

from tests.support.opening import HandshakeTestCase, a_request
from tests.wire import same_each_time
from txws2.exceptions import InvalidHeader, InvalidOrigin
from txws2.wire.handshake.origins import SAME_ORIGIN, check_origin, check_origins

SIZE = 64 * 1024


class CheckOriginTests(HandshakeTestCase):
    """Attack 10."""

    HERE = "https://example.com"

    def test_without_a_list_all_are_accepted(self):
        check_origin(a_request(Origin="https://elsewhere.example"), None)
        check_origin(a_request(), None)

    def test_one_of_the_list_is_accepted(self):
        check_origin(a_request(Origin=self.HERE), ["https://a.example", self.HERE])

    def test_another_is_refused(self):
        for origin in ("https://elsewhere.example", "http://example.com", "null", self.HERE + "/"):
            text = f"invalid Origin header: {origin}; it isn't one of origins="
            expected = InvalidOrigin, text
            request = a_request(Origin=origin)
            self.assertEqual(self.complaint(check_origin, request, [self.HERE]), expected)
            self.assertEqual(
                self.complaint(check_origin, request, []), (InvalidOrigin, expected[1])
            )

    def accepts(self, origin, *accepted):
        return self.complaint(check_origin, a_request(Origin=origin), accepted) is None

    def test_each_spelling_of_an_origin_is_the_same(self):
        for accepted, origin in (
            ("https://Example.com:443", "https://example.com"),
            ("HTTPS://example.com", "https://example.com"),
            ("http://example.com:80", "http://example.com"),
            ("https://example.com:8443", "https://EXAMPLE.com:8443"),
            ("https://example.com.", "https://example.com"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("https://BÜCHER.example:443", "https://xn--bcher-kva.example"),
            ("https://[2001:DB8:0:0::1]:443", "https://[2001:db8::1]"),
            ("wss://example.com:443", "wss://example.com"),
            ("Capacitor://localhost", "capacitor://localhost"),
        ):
            for one, other in ((accepted, origin), (origin, accepted), (accepted, accepted)):
                check_origins([one])
                self.assertTrue(self.accepts(other, one), (one, other))

    def test_another_port_or_scheme_is_another(self):
        for accepted, origin in (
            ("https://example.com:80", "https://example.com"),
            ("http://example.com:443", "http://example.com"),
            ("https://example.com", "http://example.com:443"),
            ("https://example.com", "wss://example.com"),
            ("https://example.com", "https://example.com:8443"),
            ("https://example.com", "https://example.com.."),
            ("https://example.com", "https://.example.com"),
        ):
            self.assertFalse(self.accepts(origin, accepted), (accepted, origin))

    def test_a_pattern_sees_the_spelling_of_browsers(self):
        pattern = re.compile(r"https://[a-z]+\.example\.com")
        self.assertTrue(self.accepts("HTTPS://A.example.com:443", pattern))
        self.assertFalse(self.accepts("https://a.example.com:8443", pattern))
        # So a pattern that excludes an origin can't be evaded by another spelling of it.
        self.assertFalse(self.accepts("https://EVIL.example", re.compile("(?!.*evil).*")))

    def test_a_refused_origin_is_reported_as_it_came(self):
        _, text = self.complaint(check_origin, a_request(Origin="HTTP://A:80"), [])
        self.assertIn("HTTP://A:80", text)

    def test_none_in_the_list_accepts_a_request_without(self):
        check_origin(a_request(), [self.HERE, None])
        text = "programs send none, and origins= has no None, which accepts them"
        expected = InvalidOrigin, f"missing Origin header; {text}"
        self.assertEqual(self.complaint(check_origin, a_request(), [self.HERE]), expected)

    def test_two_are_refused(self):
        request = a_request(Origin=[self.HERE, self.HERE])
        expected = InvalidHeader, "invalid Origin header: it occurs more than once"
        self.assertEqual(self.complaint(check_origin, request, [self.HERE]), expected)


class CheckOriginsTests(HandshakeTestCase):
    def test_the_origins_that_browsers_send_are_valid(self):
        check_origins(
            [
                "https://example.com",
                "https://b\xfccher.example",
                "HTTPS://A_B.example.:8443",
                "http://[2001:db8::1]:8080",
                "moz-extension://3c8f-4a2b",
                "file://",
                "null",
                SAME_ORIGIN,
                re.compile("anything"),
                None,
            ]
        )

    def test_an_origin_that_no_browser_sends_is_a_mistake(self):
        for origin in (
            *("example.com", "https://example.com/", "localhost:8000", "", "*", "any"),
            *("https://*.example.com", "https://a_(b", "http://[::", "http://[:::1:::2]", "ws://"),
        ):
            error = self.assertRaises(ValueError, check_origins, ["https://example.com", origin])
            self.assertEqual(
                str(error),
                f"{origin!r} isn't an origin: that is a scheme, a host and perhaps a port, without "
                "a path, as 'https://example.com'",
            )


class PatternTests(HandshakeTestCase):
    """Attack 10."""

    def assertAccepts(self, expected, pattern, *origins):
        for origin in origins:
            refused = self.complaint(check_origin, a_request(Origin=origin), [re.compile(pattern)])
            self.assertEqual(refused is None, expected, origin)

    def test_a_pattern_stands_for_many(self):
        pattern = r"https://[a-z]+\.example\.com(:\d+)?"
        self.assertAccepts(True, pattern, "https://a.example.com", "https://b.example.com:8443")
        self.assertAccepts(False, pattern, "http://a.example.com", "https://example.com", "null")

    def test_it_must_match_all_of_it(self):
        pattern = r"https://example\.com"
        self.assertAccepts(False, pattern, "https://example.com.evil.example")
        self.assertAccepts(False, pattern, "https://evil.example/https://example.com")

    def test_it_accepts_no_request_without(self):
        self.assertAccepts(False, ".*", None)


class SameOriginTests(HandshakeTestCase):
    def accepts(self, origin, host, *others):
        request = a_request(Origin=origin, Host=host)
        return self.complaint(check_origin, request, [SAME_ORIGIN, *others]) is None

    def assertSame(self, origin, host):
        self.assertTrue(self.accepts(origin, host), (origin, host))

    def assertOther(self, origin, host):
        self.assertFalse(self.accepts(origin, host), (origin, host))

    def test_host_and_port_are_the_same(self):
        for host in (
            "a.example",
            "a.example:8000",
            "localhost:1",
            "127.0.0.1",
            "[::1]:81",
            "[::1]",
        ):
            self.assertSame(f"http://{host}", host)
            self.assertSame(f"https://{host}", host)

    def test_another_host_is_another(self):
        for host in ("b.example", "example", "a.example.b", "www.a.example", "a.examplé", "[::1]"):
            self.assertOther(f"http://{host}", "a.example")

    def test_another_port_is_another(self):
        for host in ("a.example", "a.example:8001", "a.example:80", "a.example:443"):
            self.assertOther(f"http://{host}", "a.example:8000")

    def test_a_port_that_goes_without_saying_may_be_said(self):
        for origin, host in (
            ("http://a", "a:80"),
            ("http://a:80", "a"),
            ("https://a", "a:443"),
            ("https://a:443", "a"),
            ("https://[::1]", "[::1]:443"),
            ("http://a", "a:"),
        ):
            self.assertSame(origin, host)
        self.assertOther("http://a", "a:443")
        self.assertOther("https://a", "a:80")

    def test_clients_that_send_the_scheme_of_the_websocket_are_programs_of_the_host(self):
        """Two libraries in Swift send such an Origin; no page can."""
        for origin, host in (
            ("ws://a.example", "a.example"),
            ("wss://a.example", "a.example"),
            ("ws://a.example:8000", "a.example:8000"),
            ("ws://a", "a:80"),
            ("wss://a", "a:443"),
            ("wss://a:443", "a"),
        ):
            self.assertSame(origin, host)
        for origin, host in (
            ("ws://b.example", "a.example"),
            ("wss://a.example", "a.example:80"),
            ("ws://a.example:8000", "a.example"),
            ("xws://a", "a"),
        ):
            self.assertOther(origin, host)

    def test_spellings_of_a_host_are_the_same(self):
        for origin, host in (
            ("http://a.example", "a.example."),
            ("http://a.example.:80", "A.example"),
            ("http://[::1]", "[0:0::1]"),
            ("http://xn--bcher-kva.example", "bücher.example"),
            ("http://[fe80::1]:81", "[fe80::1%25eth0]:81"),
            ("http://[fe80::1]:81", "[fe80::1%eth0]:81"),
        ):
            self.assertSame(origin, host)

    def test_behind_a_proxy_that_ends_tls_the_origin_knows_the_scheme(self):
        self.assertSame("https://a.example", "a.example")

    def test_case_does_not_matter(self):
        self.assertSame("HTTP://A.Example", "a.eXample")

    def test_an_origin_of_no_page_is_another(self):
        for origin in (
            "null",
            "",
            "a",
            "http://",
            "http:///",
            "http://a/",
            "http://b@a",
            "http://a@b",
            "http://a:x",
            "http://a:",
            "file://a",
            "chrome-extension://a",
            "http://a http://a",
            "http://a,http://a",
            SAME_ORIGIN,
        ):
            self.assertOther(origin, "a")

    def test_without_a_host_none_is_the_same(self):
        for host in (None, "", ":80", "[", "a b/"):
            self.assertOther("http://a", host)
            self.assertOther("http://", host)

    def test_programs_have_none(self):
        self.assertFalse(self.accepts(None, "a"))
        self.assertTrue(self.accepts(None, "a", None))

    def test_others_can_be_accepted_beside_them(self):
        self.assertTrue(self.accepts("https://b.example", "a", "https://b.example"))

    def test_64_kib_of_each_shape(self):
        """Attack 7: linear in what a client sends."""
        for shape in ("a", ":", "[", "]", "http://", "/", "0", ":1", "[:", "a:", ".", "http"):
            text = shape * (SIZE // len(shape))
            self.assertOther(f"http://{text}", "a")
            self.assertOther("http://a", text)

    @same_each_time
    @given(*[st.text(alphabet="htps:/a0[].@ ") | st.text()] * 2)
    def test_any_origin_is_judged(self, origin, host):
        self.accepts(origin, host)
        self.accepts(f"http://{origin}", host)
