from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.wire import same_each_time
from txws2.wire.http.credentials import basic, challenge, parse_basic

SIZE = 64 * 1024


def encoded(text):
    return "Basic " + b64encode(text if isinstance(text, bytes) else text.encode()).decode()


class BasicTests(TestCase):
    def test_it_is_that_of_the_rfc(self):
        self.assertEqual(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        self.assertEqual(basic("test", "123£"), "Basic dGVzdDoxMjPCow==")

    def test_there_may_be_no_password(self):
        self.assertEqual(basic("me", None), basic("me", ""))


class ParseTests(TestCase):
    def test_the_examples_of_the_rfc(self):
        """RFC 7617 sections 2 and 2.1."""
        self.assertEqual(
            parse_basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), ("Aladdin", "open sesame")
        )
        self.assertEqual(parse_basic("Basic dGVzdDoxMjPCow=="), ("test", "123£"))

    def test_the_scheme_is_in_any_case_and_any_spaces_follow(self):
        for scheme in ("basic ", "BASIC ", "Basic    "):
            self.assertEqual(parse_basic(scheme + "YTpi"), ("a", "b"))

    def test_a_password_may_have_colons(self):
        self.assertEqual(parse_basic(encoded("a:b:c:")), ("a", "b:c:"))

    def test_either_may_be_empty(self):
        self.assertEqual(parse_basic(encoded(":")), ("", ""))
        self.assertEqual(parse_basic(encoded("a:")), ("a", ""))
        self.assertEqual(parse_basic(encoded(":b")), ("", "b"))

    def test_another_scheme_gives_none(self):
        for value in (
            "",
            "Basic",
            "Basic ",
            "Bearer YTpi",
            "YTpi",
            "Ba\u017fic YTpi",
            "Basic\tYTpi",
        ):
            self.assertIsNone(parse_basic(value), value)

    def test_a_malformed_header_gives_none(self):
        for value in ("YTp", "=YTpi", "=", "YT pi", "YTpi, x", "YTpi\n", "YTp_", "é"):
            self.assertIsNone(parse_basic(f"Basic {value}"), value)

    def test_without_a_colon_it_is_none(self):
        self.assertIsNone(parse_basic(encoded("a")))

    def test_invalid_utf_8_gives_none(self):
        self.assertIsNone(parse_basic(encoded(b"a:\xff")))

    def test_control_characters_are_none(self):
        for character in ("\0", "\r", "\n", "\x1f", "\x7f"):
            self.assertIsNone(parse_basic(encoded(f"a:{character}")))
            self.assertIsNone(parse_basic(encoded(f"a{character}:b")))

    def test_64_kib_of_each_shape(self):
        """Attack 7: linear in what a client sends."""
        for shape in (" ", "=", "A", "A=", "Basic ", "é", ":", "AAA="):
            self.assertIsNone(parse_basic("Basic " + shape * (SIZE // len(shape))))

    @same_each_time
    @given(st.text(), st.text())
    def test_encoded_credentials_are_read(self, username, password):
        text = f"{username}:{password}"
        readable = not (set(text) & {*map(chr, range(32)), "\x7f"} or ":" in username)
        if readable:
            self.assertEqual(parse_basic(encoded(text)), (username, password))

    @same_each_time
    @given(st.text(alphabet="Basic =A+/\0é") | st.text())
    def test_any_header_gives_a_pair_or_none(self, text):
        for value in (text, f"Basic {text}"):
            given = parse_basic(value)
            self.assertTrue(given is None or len(given) == 2)


class ChallengeTests(TestCase):
    def test_it_asks_for_utf8(self):
        """RFC 7617 section 2.1."""
        self.assertEqual(challenge("the club"), 'Basic realm="the club", charset="UTF-8"')

    def test_quotes_are_escaped(self):
        self.assertEqual(challenge('a "b" \\'), r'Basic realm="a \"b\" \\", charset="UTF-8"')

    def test_a_realm_is_printable_ascii(self):
        """Attack 9."""
        for realm in ("é", "a\r\nX: y", "\0", "a\x7f"):
            error = self.assertRaises(ValueError, challenge, realm)
            self.assertEqual(str(error), f"realm must be printable ASCII; it is {realm!r}")
