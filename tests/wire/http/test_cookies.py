from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.wire import same_each_time
from txws2.wire.http.cookies import format_cookie, parse_cookies

SIZE = 64 * 1024


class ParseTests(TestCase):
    def assertCookies(self, expected, *values):
        self.assertEqual(parse_cookies(values), expected)

    def test_cookies_stand_apart_by_semicolons(self):
        self.assertCookies({"a": "1", "b": "2"}, "a=1; b=2")
        self.assertCookies({"a": "1", "b": "2", "c": "3"}, " a = 1 ;b=2;\tc=3;; ")

    def test_several_headers_are_one(self):
        """RFC 9113 section 8.2.3: a gateway from HTTP/2 may leave them in several headers."""
        self.assertCookies({"a": "1", "b": "2"}, "a=1", "b=2")

    def test_no_header_has_none(self):
        self.assertCookies({})
        self.assertCookies({}, "", ";", " ; ;")

    def test_a_value_may_have_an_equals_sign_and_be_empty(self):
        self.assertCookies({"a": "b=c==", "d": ""}, "a=b=c==; d=")

    def test_a_pair_without_an_equals_sign_is_no_cookie(self):
        self.assertCookies({"a": "1"}, "session; a=1; Secure")

    def test_a_name_may_be_empty(self):
        self.assertCookies({"": "x"}, "=x")

    def test_quotes_around_a_value_are_no_part_of_it(self):
        self.assertCookies({"a": "b c", "d": ""}, 'a="b c"; d=""')
        self.assertCookies({"a": '"', "b": '"x', "c": 'x"'}, 'a="; b="x; c=x"')

    def test_the_first_of_two_with_one_name_counts(self):
        """RFC 6265 section 5.4: the first one has the longer path."""
        self.assertCookies({"a": "1"}, "a=1; a=2", "a=3")

    def test_a_name_cannot_pose_as_another_by_space_of_another_kind(self):
        for space in ("\xa0", "\x85", "\x0b", "\x1c", "\u2003"):
            [name] = parse_cookies([f"{space}__Host-session=stolen"])
            self.assertEqual(name, f"{space}__Host-session")

    def test_64_kib_of_each_shape(self):
        """Attack 7: linear in what a client sends."""
        for shape in (";", "=", " ", "a=;", 'a="', '"', "a", "a=b; ", "\\", "=;", "\xa0"):
            parse_cookies([shape * (SIZE // len(shape))])

    @same_each_time
    @given(st.lists(st.text(alphabet='ab=; \t"\\,\xa0é\0') | st.text()))
    def test_any_header_is_read(self, values):
        for name, value in parse_cookies(values).items():
            self.assertFalse(set(";=") & set(name) or ";" in value)

    @same_each_time
    @given(st.dictionaries(st.text("abc!~", min_size=1), st.text("xyz/+=%!")))
    def test_a_cookie_that_was_set_comes_back(self, cookies):
        sent = [format_cookie(*each).partition(";")[0] for each in cookies.items()]
        self.assertEqual(parse_cookies(["; ".join(sent)]), cookies)


class FormatTests(TestCase):
    def complaint(self, *arguments, **attributes):
        return str(self.assertRaises(ValueError, format_cookie, *arguments, **attributes))

    def test_by_default_scripts_and_other_sites_do_not_get_it(self):
        self.assertEqual(format_cookie("a", "1"), "a=1; Path=/; SameSite=Lax; HttpOnly")

    def test_all_attributes_can_be_set(self):
        cookie = format_cookie(
            "a",
            "",
            max_age=0,
            domain="example.com",
            path="/chat",
            secure=True,
            httponly=False,
            samesite="None",
        )
        self.assertEqual(
            cookie, "a=; Max-Age=0; Domain=example.com; Path=/chat; SameSite=None; Secure"
        )

    def test_all_attributes_can_be_left_out(self):
        self.assertEqual(format_cookie("a", "1", path=None, samesite=None, httponly=False), "a=1")

    def test_a_name_is_a_token(self):
        for name in ("", "a b", "a=", "a;", "é", "a\r\n"):
            self.assertEqual(
                self.complaint(name, ""), f"a cookie's name is a token; {name!r} isn't"
            )

    def test_a_value_is_what_the_rfc_allows(self):
        """RFC 6265 section 4.1.1."""
        allowed = {chr(code) for code in range(0x21, 0x7F)} - set('",;\\')
        for code in range(0x100):
            character = chr(code)
            if character in allowed:
                self.assertIn(f"a={character};", format_cookie("a", character))
            else:
                self.assertIn(
                    "encode it, as with urllib.parse.quote", self.complaint("a", character)
                )

    def test_no_attribute_can_become_two(self):
        """Attack 9."""
        for text in ("/; Domain=evil.example", "/\r\nX: y", "/\0", "/é", ""):
            rule = (
                "of the cookie a must be one or more characters of printable ASCII, without "
                f"semicolon; it is {text!r}"
            )
            self.assertEqual(self.complaint("a", "1", path=text), f"Path {rule}")
            self.assertEqual(self.complaint("a", "1", domain=text), f"Domain {rule}")

    def test_samesite_is_one_of_three(self):
        for samesite in ("Strict", "Lax"):
            self.assertIn(f"; SameSite={samesite};", format_cookie("a", "1", samesite=samesite))
        self.assertEqual(
            self.complaint("a", "1", samesite="lax"),
            "samesite is 'Strict', 'Lax', 'None' or None; it is 'lax'",
        )

    def test_samesite_none_needs_secure(self):
        self.assertEqual(
            self.complaint("a", "1", samesite="None"),
            "browsers drop a cookie with samesite='None' and without secure=True",
        )
