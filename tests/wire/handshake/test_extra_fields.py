"""Headers that a user adds: their forms, their kinds, and those that can't be sent."""

from http.client import HTTPMessage
from types import MappingProxyType
from wsgiref.headers import Headers as WSGIHeaders

from twisted.web.http_headers import Headers as TwistedHeaders

from tests.support.opening import HandshakeTestCase
from txws2.exceptions import InvalidHeader
from txws2.wire.handshake.extra_fields import add_headers, repeatable, without_credentials
from txws2.wire.http.fields import Headers

PAIRS = [("X-One", "1"), ("X-One", "2"), ("X-Two", "3")]


def message():
    made = HTTPMessage()
    for name, value in PAIRS:
        made[name] = value
    return made


def of_twisted(kind):
    made = kind()
    for name, value in PAIRS:
        made.addRawHeader(name, value)
    return made


class AdditionalTestCase(HandshakeTestCase):
    def added(self, additional):
        headers = Headers()
        add_headers(headers, additional)
        return headers


class FormTests(AdditionalTestCase):
    def test_each_form_of_headers_is_taken_again_and_again(self):
        for given in (
            PAIRS,
            tuple(PAIRS),
            iter(PAIRS),
            (pair for pair in PAIRS),
            [list(pair) for pair in PAIRS],
            message(),
            WSGIHeaders(list(PAIRS)),
            of_twisted(TwistedHeaders),
            of_twisted(Headers),
        ):
            again = repeatable(given)
            for _ in range(2):
                headers = self.added(again)
                self.assertEqual(headers.get_all("X-One"), ["1", "2"], given)
                self.assertEqual(headers.get_all("X-Two"), ["3"])

    def test_each_mapping_is_taken_again_and_again(self):
        class Twice(dict):
            """The headers of multidict have such items: a name may occur more than once."""

            def items(self):
                return iter(PAIRS)

        for given in ({"X-One": "1"}, MappingProxyType({"X-One": "1"})):
            self.assertEqual(self.added(repeatable(given))["X-One"], "1")
        self.assertEqual(self.added(repeatable(Twice())).get_all("X-One"), ["1", "2"])

    def test_none_are_none(self):
        for given in (None, (), {}, iter(())):
            self.assertEqual(list(self.added(repeatable(given))), [])

    def test_a_mapping_may_change_between_two_requests(self):
        given = {"X-Token": "a"}
        again = repeatable(given)
        given["X-Token"] = "b"
        self.assertEqual(self.added(again)["X-Token"], "b")

    def test_a_wrong_type_is_reported_and_its_value_is_not_shown(self):
        words = "additional_headers is a mapping, or pairs, of strings; there is a "
        for given, kind in (
            ("X-Secret: secret", "str"),
            (b"X-Secret: secret", "bytes"),
            (5, "int"),
            (["ab", "X-Secret"], "str"),
            ([("X-Secret", "secret", "")], "tuple"),
            ([{"X-Secret": "secret"}], "dict"),
            ([b"ab"], "bytes"),
            ([None], "NoneType"),
        ):
            with self.assertRaises(TypeError) as caught:
                self.added(repeatable(given))
            self.assertEqual(str(caught.exception), words + kind)


class KindTests(AdditionalTestCase):
    def test_names_and_values_are_strings(self):
        for given, words in (
            ({b"X": "1"}, "the name of a header must be a str; it is bytes: decode it"),
            ({None: "1"}, "the name of a header must be a str; it is None: leave the header out"),
            ({1: "1"}, "the name of a header must be a str; it is int: give str() of it"),
            ({"X": b"secret"}, "the value of X must be a str; it is bytes: decode it"),
            ({"X": bytearray(b"secret")}, "it is bytearray: give str() of it"),
            ({"X": 5}, "the value of X must be a str; it is int: give str() of it"),
            ({"X": None}, "the value of X must be a str; it is None: leave the header out"),
            ({"X": ["secret"]}, "it is a list: give pairs of name and value, one for each value"),
            ({"X": ("a", "b")}, "it is a tuple: give pairs of name and value"),
        ):
            with self.assertRaises(TypeError) as caught:
                self.added(given)
            self.assertIn(words, str(caught.exception))
            self.assertNotIn("secret", str(caught.exception))


class ContentTests(AdditionalTestCase):
    """Attack 9."""

    def test_an_invalid_header_is_refused(self):
        for bad in ({"a b": "x"}, {"": "x"}, {"X": "a\nb"}, {"X": "a\r\nY: b"}, {"X": "é"}):
            self.assertRaises(InvalidHeader, self.added, bad)
        headers = TwistedHeaders()
        headers.addRawHeader(b"X", "é".encode())
        self.assertRaises(InvalidHeader, self.added, headers)

    def test_a_wrong_character_is_reported_without_the_value(self):
        result = self.complaint(self.added, {"Authorization": "Bearer s\u00e9cret"})
        words = "it has a character other than printable ASCII, 'é' at 8"
        self.assertEqual(result, (InvalidHeader, f"invalid Authorization header: {words}"))

    def test_headers_of_the_handshake_are_not_the_user_s(self):
        for name in (
            *("Connection", "Content-Length", "Host", "Sec-WebSocket-Accept"),
            *("Sec-WebSocket-Extensions", "sec-websocket-key", "Sec-WebSocket-Protocol"),
            *("SEC-WEBSOCKET-VERSION", "Transfer-Encoding", "upgrade"),
        ):
            message = f"invalid {name} header: it belongs to the handshake; it can't be added"
            for additional in ({name: "x"}, [(name, "x")]):
                self.assertEqual(self.complaint(self.added, additional), (InvalidHeader, message))

    def test_a_repeated_header_with_one_value_is_refused(self):
        for name in ("Authorization", "Origin", "User-Agent"):
            message = f"invalid {name} header: it occurs more than once"
            additional = {name.lower(): "a", name: "b"}
            self.assertEqual(self.complaint(self.added, additional), (InvalidHeader, message))

    def test_others_may_be(self):
        headers = self.added([("Cookie", "a=1"), ("Cookie", "b=2")])
        self.assertEqual(headers.get_all("Cookie"), ["a=1", "b=2"])


class CredentialsTests(HandshakeTestCase):
    def test_another_origin_is_sent_none(self):
        pairs = [("AUTHORIZATION", "x"), ("Cookie", "a"), ("cookie", "b"), ("X-One", "1")]
        for headers in (pairs, dict(pairs), iter(pairs)):
            self.assertEqual(without_credentials(headers), [("X-One", "1")])
        headers = TwistedHeaders({"Authorization": ["x"], "X-One": ["1"]})
        self.assertEqual(without_credentials(headers), [("X-One", "1")])
