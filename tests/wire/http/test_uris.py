import pickle
import traceback
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.wire import same_each_time
from txws2.exceptions import InvalidURI
from txws2.wire.http.uris import WebSocketURI, parse_uri


def why_not(uri):
    """Return the reason why a text isn't a URI, or None if it is one."""
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

    def test_missing_parts_have_defaults(self):
        expected = WebSocketURI(False, "example.com", 80, "/", None, None)
        self.assertEqual(parse_uri("ws://example.com"), expected)
        self.assertEqual(parse_uri("wss://example.com").port, 443)

    def test_only_a_uri_without_secrets_is_kept(self):
        self.assertIs(parse_uri("ws://kept.example/"), parse_uri("ws://kept.example/"))
        for uri in "ws://me:secret@kept.example/", "ws://kept.example/?token=secret":
            self.assertIsNot(parse_uri(uri), parse_uri(uri))
            self.assertEqual(parse_uri(uri), parse_uri(uri))

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
        self.assertEqual(parse_uri(f"ws://h:{'0' * 5000}80").port, 80)

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
        """RFC 3986 section 3.2.2: private networks have such names, as those of containers."""
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

    def test_the_error_has_the_reason(self):
        reasons = {
            "": "it must begin with ws:// or wss://, as ws://localhost:8765/ does",
            "http://h/": "it must begin with ws:// or wss://; write ws for http",
            "HTTPS://h/": "it must begin with ws:// or wss://; write wss for https",
            "//h/": "it must begin with ws:// or wss://, as ws://localhost:8765/ does",
            "h": "it must begin with ws:// or wss://, as ws://localhost:8765/ does",
            "localhost:8765": "it must begin with ws:// or wss://, as ws://localhost:8765/ does",
            "ws:h": "it names no host",
            "ws:///path": "it names no host",
            "ws://me@/": "it names no host",
            "ws://:80/": "it names no host",
            "ws://h/#a": "it has a fragment; write # as %23",
            "ws://h/#": "it has a fragment; write # as %23",
            "ws://h:0/": "its port must be a number from 1 to 65535",
            "ws://a[::1]/": "its host is malformed",
            "ws://h:65536/": "its port must be a number from 1 to 65535",
            f"ws://h:{'9' * 5000}/": "its port must be a number from 1 to 65535",
            "ws://h:port/": "its port must be a number from 1 to 65535",
            "ws://[::1/": "its host is malformed",
            "ws://[v1.x]/": "its host is malformed",
            "ws://\u2100/": "its host is malformed",
            "ws://h/\ud800": "it has half of a surrogate pair in it",
        }
        self.assertEqual({uri: why_not(uri) for uri in reasons}, reasons)

    def test_each_other_malformed_uri_is_refused(self):
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

    def test_text_beside_the_brackets_of_an_address_is_refused(self):
        for uri in ("ws://a[::1]/", "ws://[::1]a/", "ws://[::1]a:80/"):
            self.assertIsNotNone(why_not(uri), msg=uri)

    def test_an_address_of_a_version_to_come_is_refused(self):
        """RFC 3986 section 3.2.2: an IPvFuture without its brackets isn't a name."""
        self.assertIsNotNone(why_not("ws://[v1.x]/"))

    def test_half_of_a_surrogate_pair_is_refused(self):
        for uri in ("ws://\ud800/", "ws://h/\ud800", "ws://h/?\udfff", "ws://u\ud800:p@h/"):
            self.assertIsNotNone(why_not(uri), msg=repr(uri))

    def test_the_error_has_the_uri(self):
        self.assertEqual(self.assertRaises(InvalidURI, parse_uri, "http://h/").uri, "http://h/")

    def test_the_part_of_a_password_that_python_quotes_is_not_shown(self):
        self.assertNotIn("secret", why_not("ws://me:secret/@h"))

    def test_the_error_of_a_host_is_kept_as_the_cause(self):
        exc = self.assertRaises(InvalidURI, parse_uri, "ws://é..example/")
        self.assertIsInstance(exc.__cause__, ValueError)

    def test_another_type_than_str_is_reported_and_not_shown(self):
        """The URI may have a password in it."""
        for uri, words in (
            (b"ws://me:secret@h/", "it is bytes; decode it"),
            (bytearray(b"ws://me:secret@h/"), "it is bytearray; str() of a URL object is one"),
            (None, "it is NoneType"),
            (PurePosixPath("ws://me:secret@h/"), "it is PurePosixPath; str() of a URL object"),
            (urlsplit("ws://me:secret@h/"), "it is SplitResult"),
            (80, "it is int"),
        ):
            error = self.assertRaises(TypeError, parse_uri, uri)
            self.assertIn("a URI is a str, as 'wss://example.com/'; " + words, str(error))
            self.assertNotIn("secret", str(error))


class HostTests(TestCase):
    """A host that is accepted means the same to every reader."""

    def test_ascii_is_left_as_it_is_whatever_idna_says(self):
        for host in (
            *("qa--site.example", "r3---sn-x.example", "my_svc.example.com", "-a.b-", "xn--a"),
            *("a!$&'()*+,;=~b", "h.", "localhost.", "web.1", "1.2.3.4.5", "256.1.1.1", "09.1"),
        ):
            self.assertEqual(parse_uri(f"ws://{host}/").host, host)

    def test_only_labels_that_are_not_ascii_are_converted(self):
        uri = parse_uri("ws://bücher.my_svc.qa--x.Example/")
        self.assertEqual(uri.host, "xn--bcher-kva.my_svc.qa--x.example")

    def test_no_dot_is_hidden_in_another_character(self):
        self.assertEqual(why_not("ws://é。。b/"), "its host has a dot too many")
        self.assertIn("isn't a valid name", why_not("ws://a.\u2488b/"))

    def test_numbers_that_are_addresses_become_those(self):
        """Getaddrinfo and browsers read the same addresses as inet_aton."""
        for host, address in (
            ("127.1", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("0X7F.0.0.1", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("017700000001", "127.0.0.1"),
            ("010.1.2.3", "8.1.2.3"),
            ("1.2.65535", "1.2.255.255"),
            ("0", "0.0.0.0"),
            ("127.0.0.1.", "127.0.0.1"),
            ("\uff11\uff12\uff17.1", "127.0.0.1"),
        ):
            uri = parse_uri(f"ws://{host}:81/")
            self.assertEqual((uri.host, uri.host_header), (address, f"{address}:81"))

    def test_numbers_out_of_range_are_a_name(self):
        for host in ("256.1.1.1", "1.2.65536", "4294967296", "1.2.3.4.5", "0x", "08", "9" * 60):
            self.assertEqual(parse_uri(f"ws://{host}/").host, host)

    def test_a_zone_is_for_connecting_and_for_nobody_else(self):
        """RFC 6874 section 3."""
        for written in ("fe80::1%25eth0", "fe80::1%eth0", "FE80::1%eth0"):
            uri = parse_uri(f"ws://[{written}]:81/x")
            self.assertEqual((uri.host, uri.bare_host), ("fe80::1%eth0", "fe80::1"))
            self.assertEqual(uri.host_header, "[fe80::1]:81")
            self.assertEqual(str(uri), "ws://[fe80::1%25eth0]:81/x")
            self.assertEqual(parse_uri(str(uri)), uri)

    def test_a_zone_may_be_a_number(self):
        for written, zone in (("%252", "2"), ("%2", "2"), ("%25", "25"), ("%2525", "25")):
            self.assertEqual(parse_uri(f"ws://[fe80::1{written}]/").host, f"fe80::1%{zone}")

    def test_a_zone_keeps_its_case(self):
        self.assertEqual(parse_uri("ws://[FE80::A%Eth0]/").host, "fe80::a%Eth0")

    def test_an_invalid_zone_is_refused(self):
        for address in ("fe80::1%", "::1%a b", "::1%a%41", "::1%a/b", "::1%é", "1.2.3.4%lo", "%lo"):
            self.assertIsNotNone(why_not(f"ws://[{address}]/"), address)

    def test_a_dot_at_the_end_stays(self):
        """The dot stays for the lookup, and in Host, as browsers and curl keep it there."""
        uri = parse_uri("wss://localhost.:81/")
        self.assertEqual((uri.host, uri.host_header), ("localhost.", "localhost.:81"))

    def test_a_dot_too_many_is_reported(self):
        for host in ("a..b", ".a", "a..", ".", "..", "。", "é."):
            expected = None if host == "é." else "its host has a dot too many"
            self.assertEqual(why_not(f"ws://{host}/"), expected, host)

    def test_percent_encoding_is_refused(self):
        """Some programs would decode it, and some would not."""
        for host in ("ex%61mple.com", "a%40b", "a%2fb", "%", "é%41", "127.0.0.1%00"):
            expected = "its host is percent-encoded; write it as it is"
            self.assertEqual(why_not(f"ws://{host}/"), expected)

    def test_long_names_take_no_time(self):
        self.assertIn("longer than 255", why_not(f"ws://{'é' * 100_000}/"))
        self.assertIsNone(why_not(f"ws://{'9' * 100_000}/"))


class AmbiguousTests(TestCase):
    """One parser reads a part as the host that another parser reads as something else."""

    def test_it_is_refused(self):
        for uri in (
            *(
                "ws://a:1\\@b/",
                "ws://a\\@b/",
                "ws://a@b@c/",
                "ws://a%40b/",
                "ws://b#@a/",
                "ws://b\\a/",
            ),
            *(
                "ws://[::1]@a/",
                "ws://[a@b/",
                "ws://a]@b/",
                "ws:\\\\a/",
                "ws:/\\a/",
                "ws:\\a/",
                "ws:/a/",
            ),
            *("ws://a\t@b/", "ws://a\nb/", "ws://a\r@b/", "ws://a\u3000b/", "ws://a\xa0@b\xa0/"),
            *(
                "ws://a\uff20b/",
                "ws://a\uff0fb/",
                "ws://a\u2044b\u2100/",
                "ws://a\uff1a80/",
                "ws://a:1:2/",
            ),
            *("ws://a:+80/", "ws://a:8_0/", "ws://a:\uff18/", "ws://a:999999999999/", "ws://a:00/"),
        ):
            self.assertIsNotNone(why_not(uri), uri)

    def test_a_uri_that_everybody_reads_alike_is_taken(self):
        for uri, host in (
            ("ws://b?@a/", "b"),
            ("ws://b/@a/", "b"),
            ("ws://b/\\@a", "b"),
            ("ws://b/[x]", "b"),
            ("ws://me%40x:p%5C%5Bw@b/", "b"),
            ("ws://b:00081/", "b"),
        ):
            self.assertEqual(parse_uri(uri).host, host)


class CredentialsTests(TestCase):
    def test_none_are_none(self):
        for uri in ("ws://h/", "ws://@h/"):
            uri = parse_uri(uri)
            self.assertEqual((uri.username, uri.password), (None, None))

    def test_a_password_may_be_without_a_name_and_either_may_be_empty(self):
        for text, expected in (
            (":secret", ("", "secret")),
            ("me:", ("me", "")),
            (":", ("", "")),
        ):
            uri = parse_uri(f"ws://{text}@h/")
            self.assertEqual((uri.username, uri.password), expected)

    def test_invalid_utf_8_is_refused_and_not_sent_as_something_else(self):
        message = "its user information isn't percent-encoded UTF-8"
        for text in ("m%e9", "me:%ff", "me:%c3"):
            self.assertEqual(why_not(f"ws://{text}@h/"), message)

    def test_control_characters_are_refused(self):
        """RFC 7617 section 2."""
        for text in ("a%0a", "a:%00", "a:b%7f"):
            self.assertIn("control character", why_not(f"ws://{text}@h/"))


class SecretTests(TestCase):
    """A password is shown nowhere."""

    def test_the_parts_do_not_show_it(self):
        for text in (repr, str, "{}".format):
            self.assertNotIn("secret", text(parse_uri("ws://secretary:secret@h/")))

    def test_no_error_shows_it(self):
        for uri in (
            "http://me:secret@h/",
            "me:secret@h",
            "//me:secret@h/",
            "ws:/me:secret@h/",
            "ws://me:secret@h:0/",
            "ws://me:secret@h/#",
            "ws://me:secret@",
            "ws://me:secret@h h/",
            "ws://me:sec\nsecret@h/",
            "ws://me:secret/@h/",
            "ws://me:secret?@h/",
            "ws://me:secret#@h/",
            "ws://me:se@secret@h/",
            "ws://me:secret\\@h/",
            "ws://me:[secret@h/",
            "ws://me:secret//x@h:0",
            "ws://m%3ae:secret@h/",
            "ws://me:secret%ff@h/",
            "ws://me:secret%0a@h/",
            "ws://me:\ud800secret@h/",
            "ws://me:secret\uff20h/",
            "ws://me:secret@a|b/",
            "ws://me:secret@a%41/",
            "ws://me:secret@é..h/",
        ):
            exc = self.assertRaises(InvalidURI, parse_uri, uri)
            shown = [str(exc), repr(exc), exc.uri, exc.args, vars(exc), pickle.dumps(exc)]
            shown += traceback.format_exception(exc)
            cause = exc.__cause__ or exc.__context__
            while cause is not None:
                shown += [repr(cause), vars(cause), getattr(cause, "object", None)]
                cause = cause.__cause__ or cause.__context__
            self.assertNotIn("secret", repr(shown), uri)

    def test_the_rest_is_shown(self):
        exc = self.assertRaises(InvalidURI, parse_uri, "ws://me:secret@h:0/")
        self.assertEqual(exc.uri, "ws://***@h:0/")
        self.assertEqual(pickle.loads(pickle.dumps(exc)).args, exc.args)


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

    def test_percent_encoded_characters_stay_so(self):
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
    def test_the_path_of_any_uri_can_go_into_a_request(self, text):
        if why_not(text) is None:
            uri = parse_uri(text)
            self.assertRegex(uri.resource_name, r"\A/[\x21-\x7e]*\Z")
            self.assertRegex(uri.host_header, r"\A[\x21-\x7e]+\Z")
            self.assertIn(uri.port, range(1, 65536))
