from tests.support.opening import HandshakeTestCase
from txws2.exceptions import InvalidHeader, NegotiationError
from txws2.wire.escaping import escaped
from txws2.wire.handshake.client import build_request
from txws2.wire.http.uris import parse_uri

URI = parse_uri("wss://example.com:8443/chat?room=1")


class InjectionTests(HandshakeTestCase):
    """Attack 9: CR, LF, NUL or non-ASCII in anything that we put in a head."""

    BAD = ("a\r\nX: y", "a\nb", "a\rb", "a\x00b", "é", "a\x7f", "\u2028", "\ud800", "\n")

    def built(self, **asked):
        return self.complaint(build_request, URI, **asked)

    def test_in_values(self):
        for bad in self.BAD:
            for name, asked in (
                ("Origin", {"origin": bad}),
                ("User-Agent", {"user_agent_header": bad}),
                ("X", {"additional_headers": {"X": bad}}),
                ("X", {"additional_headers": [("Y", "good"), ("X", bad)]}),
            ):
                kind, text = self.built(**asked)
                words = f"invalid {name} header: it has a character other than printable ASCII, "
                self.assertIs(kind, InvalidHeader)
                self.assertTrue(text.startswith(words), text)

    def test_in_names(self):
        for bad in (*self.BAD, "", "a b", "a:"):
            expected = InvalidHeader, f"invalid {escaped(bad)} header: the name isn't a token"
            self.assertEqual(self.built(additional_headers={bad: "x"}), expected)

    def test_in_subprotocols(self):
        for bad in self.BAD:
            expected = NegotiationError, f"invalid subprotocol: {bad!r} isn't a token"
            self.assertEqual(self.built(subprotocols=[bad]), expected)

    def test_a_long_value_is_not_repeated(self):
        message = "it has a character other than printable ASCII, '\\n' at 100"
        expected = InvalidHeader, f"invalid Origin header: {message}"
        self.assertEqual(self.built(origin="x" * 100 + "\n"), expected)
