from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.wire import same_each_time
from txws2.exceptions import InvalidURI
from txws2.wire.uri import WebSocketURI, parse_uri


def why_not(uri):
    """Why it isn't a URI, or None if it is one."""
    try:
        parse_uri(uri)
    except InvalidURI as exc:
        return exc.message
    return None


class ParseTests(TestCase):
    def test_the_parts(self):
        self.assertEqual(
            parse_uri("wss://me:secret@example.com:8443/chat?room=1&x"),
            WebSocketURI(True, "example.com", 8443, "/chat?room=1&x", "me", "secret"),
        )

    def test_what_is_not_there(self):
        expected = WebSocketURI(False, "example.com", 80, "/", None, None)
        self.assertEqual(parse_uri("ws://example.com"), expected)
        self.assertEqual(parse_uri("wss://example.com").port, 443)

    def test_it_is_shown_without_credentials(self):
        uri = parse_uri("wss://me:secret@[::1]:8443/chat?room=1")
        self.assertEqual(str(uri), "wss://[::1]:8443/chat?room=1")
        self.assertEqual(str(parse_uri("ws://h")), "ws://h/")

    def test_its_origin_is_scheme_host_and_port(self):
        here = parse_uri("ws://me@Example.com/a").origin
        self.assertEqual(here, parse_uri("ws://example.com:80/b").origin)
        for other in ("wss://example.com:80/", "ws://example.com:81/", "ws://example.org/"):
            self.assertNotEqual(here, parse_uri(other).origin)

    def test_scheme_and_host_are_in_any_case(self):
        expected = WebSocketURI(True, "example.com", 443, "/A")
        self.assertEqual(parse_uri("WSS://Example.COM/A"), expected)

    def test_it_does_not_change(self):
        self.assertRaises(AttributeError, setattr, parse_uri("ws://h"), "host", "g")

    def test_ports(self):
        for port in (1, 80, 443, 65535):
            self.assertEqual(parse_uri(f"ws://h:{port}").port, port)
        self.assertEqual(parse_uri("wss://h:").port, 443)

    def test_hosts(self):
        hosts = {
            "127.0.0.1": "127.0.0.1",
            "[::1]": "::1",
            "a-b.c-d.example": "a-b.c-d.example",
            "bücher.example": "xn--bcher-kva.example",
            "BÜCHER.example": "xn--bcher-kva.example",
            "\uff42\uff55cher.example": "bucher.example",
            "例え。テスト": "xn--r8jz45g.xn--zckzah",
        }
        self.assertEqual({host: parse_uri(f"ws://{host}:1/").host for host in hosts}, hosts)

    def test_hosts_that_are_no_internet_names_but_resolve(self):
        """RFC 3986 section 3.2.2: networks of one's own have them, as those of containers."""
        for host in ("my_service", "_a.local", "r3---sn.example", "example.com."):
            self.assertEqual(parse_uri(f"ws://{host}/").host, host)

    def test_resource_names(self):
        names = {
            "": "/",
            "/": "/",
            "?": "/",
            "?a": "/?a",
            "/a?": "/a",
            "/a?b?c": "/a?b?c",
            "/a;b": "/a;b",
            "//a//": "//a//",
            "/%2f%zz": "/%2f%zz",
            "/é?ü": "/%C3%A9?%C3%BC",
            "/\u2028": "/%E2%80%A8",
            '/"<>\\^`{|}': "/%22%3C%3E%5C%5E%60%7B%7C%7D",
            "/!$&'()*+,;=-._~:@?/[]": "/!$&'()*+,;=-._~:@?/[]",
        }
        self.assertEqual({n: parse_uri(f"ws://h{n}").resource_name for n in names}, names)

    def test_the_user_information_is_decoded(self):
        uri = parse_uri("ws://m%C3%A9:p%40ss%3Aw@h")
        self.assertEqual((uri.username, uri.password), ("mé", "p@ss:w"))
        uri = parse_uri("ws://me@h")
        self.assertEqual((uri.username, uri.password), ("me", None))


class HostHeaderTests(TestCase):
    def test_the_port_is_there_unless_it_is_the_default(self):
        headers = {
            "ws://h": "h",
            "ws://h:80": "h",
            "ws://h:443": "h:443",
            "ws://h:81": "h:81",
            "wss://h": "h",
            "wss://h:443": "h",
            "wss://h:80": "h:80",
            "ws://[::1]": "[::1]",
            "ws://[::1]:81": "[::1]:81",
            "wss://[::1]:443": "[::1]",
        }
        self.assertEqual({uri: parse_uri(uri).host_header for uri in headers}, headers)


class InvalidTests(TestCase):
    def test_a_user_name_with_a_colon_is_refused(self):
        self.assertIn("colon", why_not("ws://us%3Aer:secret@example/"))

    def test_the_reason_is_told(self):
        reasons = {
            "": "it must begin with ws:// or wss://",
            "http://h/": "it must begin with ws:// or wss://",
            "//h/": "it must begin with ws:// or wss://",
            "h": "it must begin with ws:// or wss://",
            "ws:h": "it names no host",
            "ws:///path": "it names no host",
            "ws://me@/": "it names no host",
            "ws://:80/": "it names no host",
            "ws://h/#a": "it has a fragment; write # as %23",
            "ws://h/#": "it has a fragment; write # as %23",
            "ws://h:0/": "its port must be a number from 1 to 65535",
            "ws://a[::1]/": "its host is malformed",
            "ws://h:65536/": "its port must be a number from 1 to 65535",
            "ws://h:port/": "its port must be a number from 1 to 65535",
            "ws://[::1/": "its host is malformed",
            "ws://[v1.x]/": "its host is malformed",
            "ws://\u2100/": "its host is malformed",
            "ws://h/\ud800": "it has half of a surrogate pair in it",
        }
        self.assertEqual({uri: why_not(uri) for uri in reasons}, reasons)

    def test_what_else_is_malformed_is_refused(self):
        for uri in (
            "ws://h:port/",
            "ws://h:-1/",
            "ws://h:8 0/",
            "ws://h:٣/",
            "ws://a:b:c/",
            "ws://[1.2.3.4]/",
            "ws://[zzz]/",
            "ws://a|b/",
            "ws://a\\b/",
            'ws://a"b/',
            "ws://é..example/",
            "ws://-é/",
            "ws://" + "é" * 64 + "/",
            "ws://é%41/",
            "ws://\u2100/",
            "ws://\u3002/",
        ):
            self.assertIsNotNone(why_not(uri), msg=uri)

    def test_what_is_beside_the_brackets_of_an_address_is_refused(self):
        for uri in ("ws://a[::1]/", "ws://[::1]a/", "ws://[::1]a:80/"):
            self.assertIsNotNone(why_not(uri), msg=uri)

    def test_an_address_of_a_version_to_come_is_refused(self):
        """RFC 3986 section 3.2.2: IPvFuture, which isn't a name when its brackets are off."""
        self.assertIsNotNone(why_not("ws://[v1.x]/"))

    def test_half_of_a_surrogate_pair_is_refused(self):
        for uri in ("ws://\ud800/", "ws://h/\ud800", "ws://h/?\udfff", "ws://u\ud800:p@h/"):
            self.assertIsNotNone(why_not(uri), msg=repr(uri))

    def test_the_uri_is_told(self):
        self.assertEqual(self.assertRaises(InvalidURI, parse_uri, "http://h/").uri, "http://h/")

    def test_what_python_quotes_of_a_password_is_not_told(self):
        self.assertNotIn("secret", why_not("ws://me:secret/@h"))

    def test_the_cause_is_kept(self):
        for uri in ("ws://h:port/", "ws://é..example/"):
            exc = self.assertRaises(InvalidURI, parse_uri, uri)
            self.assertIsInstance(exc.__cause__, ValueError)


class InjectionTests(TestCase):
    """Attack 9: CR, LF, NUL or non-ASCII in a path, which we put in a request line."""

    def test_spaces_and_control_characters_are_refused_everywhere(self):
        message = "it has a space or a control character in it"
        for code in (*range(0x21), 0x7F):
            for uri in (
                "{}ws://h/",
                "w{}s://h/",
                "ws://h{}/",
                "ws://h/a{}b",
                "ws://h/?{}",
                "ws://h/{}",
            ):
                self.assertEqual(why_not(uri.format(chr(code))), message)

    def test_those_next_to_them_are_not(self):
        self.assertEqual(parse_uri("ws://h/!~\x80").resource_name, "/!~%C2%80")

    def test_what_is_percent_encoded_stays_so(self):
        name = "/%0d%0aX:%20y%00"
        self.assertEqual(parse_uri(f"ws://h{name}").resource_name, name)


class AnyTextTests(TestCase):
    like_a_uri = st.text(alphabet="ws:/[]@?#%0é.-\u3002 \\a", max_size=30).map("ws://".__add__)

    @same_each_time
    @given(st.one_of(st.text(), st.text().map("wss://h/".__add__), like_a_uri))
    def test_nothing_but_invalid_uri_is_raised(self, text):
        why_not(text)

    @same_each_time
    @given(st.one_of(st.text().map("ws://h/".__add__), like_a_uri))
    def test_what_goes_into_a_request_can_go_there(self, text):
        if why_not(text) is None:
            uri = parse_uri(text)
            self.assertRegex(uri.resource_name, r"\A/[\x21-\x7e]*\Z")
            self.assertRegex(uri.host_header, r"\A[\x21-\x7e]+\Z")
            self.assertIn(uri.port, range(1, 65536))
