import secrets
from base64 import b64decode, b64encode

from tests.support.opening import ACCEPT, KEY, HandshakeTestCase, a_request, a_response
from txws2.exceptions import (
    InvalidHeader,
    InvalidHeaderFormat,
    InvalidHeaderValue,
    InvalidStatus,
    InvalidUpgrade,
    NegotiationError,
)
from txws2.wire.handshake import client as requesting
from txws2.wire.handshake.client import build_request, check_compression, check_response
from txws2.wire.handshake.server import (
    accept,
    check_request,
    select_compression,
    select_subprotocol,
)
from txws2.wire.http.readers import RequestReader, ResponseReader
from txws2.wire.http.uris import parse_uri
from txws2.wire.permessage_deflate import Deflate, PerMessageDeflate


class BuildRequestTests(HandshakeTestCase):
    URI = parse_uri("wss://example.com:8443/chat?room=1")

    def test_the_request_is_that_of_the_rfc(self):
        """Section 4.1."""
        request = build_request(self.URI)
        key = request.headers["Sec-WebSocket-Key"].encode()
        self.assertEqual(
            request.serialize(),
            b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com:8443\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: " + key + b"\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n",
        )
        self.assertEqual(len(b64decode(key, validate=True)), 16)

    def test_each_request_has_a_key_of_its_own(self):
        first, second = build_request(self.URI), build_request(self.URI)
        self.assertNotEqual(first.headers["Sec-WebSocket-Key"], second.headers["Sec-WebSocket-Key"])

    def test_keys_come_from_secrets(self):
        self.assertIs(requesting.token_bytes, secrets.token_bytes)

    def test_the_options_are_in_the_request(self):
        headers = build_request(
            self.URI,
            origin="https://example.com",
            subprotocols=["chat", "superchat"],
            additional_headers={"X-One": "1", "x-two": "two\tand ~"},
            user_agent_header="txws2",
        ).headers
        self.assertEqual(headers["Origin"], "https://example.com")
        self.assertEqual(headers.get_all("Sec-WebSocket-Protocol"), ["chat, superchat"])
        self.assertEqual(headers["User-Agent"], "txws2")
        self.assertEqual((headers["X-One"], headers["X-Two"]), ("1", "two\tand ~"))

    def test_compression_is_offered_if_it_is_wanted(self):
        options = PerMessageDeflate(client_no_context_takeover=True, server_max_window_bits=10)
        offers = (
            "permessage-deflate; client_no_context_takeover; server_max_window_bits=10; "
            "client_max_window_bits, "
            "permessage-deflate; client_no_context_takeover; client_max_window_bits"
        )
        headers = build_request(self.URI, compression=options).headers
        self.assertEqual(headers.get_all("Sec-WebSocket-Extensions"), [offers])
        self.assertNotIn("Sec-WebSocket-Extensions", build_request(self.URI).headers)

    def test_a_name_may_be_added_more_than_once(self):
        pairs = [("Cookie", "a=1"), ("Cookie", "b=2")]
        headers = build_request(self.URI, additional_headers=pairs).headers
        self.assertEqual(headers.get_all("Cookie"), ["a=1", "b=2"])

    def test_the_user_information_is_sent_as_basic_authorization(self):
        """RFC 7617, with its example."""
        for user, expected in (
            ("Aladdin:open%20sesame", "Aladdin:open sesame"),
            ("test:123%C2%A3", "test:123£"),
            ("me", "me:"),
        ):
            headers = build_request(parse_uri(f"ws://{user}@h")).headers
            encoded = b64encode(expected.encode()).decode()
            self.assertEqual(headers["Authorization"], f"Basic {encoded}")

    def headers_of(self, uri="ws://h/", **options):
        return build_request(parse_uri(uri), **options).headers

    def test_a_header_of_the_user_s_goes_before_what_an_option_would_make_of_it(self):
        """Servers would disagree about which of two headers counts."""
        for name in ("Authorization", "authorization"):
            headers = self.headers_of("ws://me:secret@h/", additional_headers={name: "Bearer x"})
            self.assertEqual(headers.get_all("Authorization"), ["Bearer x"])
        headers = self.headers_of(additional_headers={"user-agent": "a"}, user_agent_header="b")
        self.assertEqual(headers.get_all("User-Agent"), ["a"])

    def test_an_origin_is_given_in_one_place(self):
        """Origin tells which page asks, so neither of two is dropped in silence."""
        headers = self.headers_of(additional_headers={"origin": "https://a"})
        self.assertEqual(headers.get_all("Origin"), ["https://a"])
        for other in ("https://a", "https://b"):
            result = self.complaint(
                self.headers_of, origin="https://a", additional_headers={"origin": other}
            )
            words = "invalid origin header: there is the option origin, too; give one of the two"
            self.assertEqual(result, (InvalidHeader, words))

    def test_options_that_are_no_str_are_reported(self):
        for options, words in (
            ({"origin": b"https://a"}, "the value of Origin must be a str; it is bytes: decode it"),
            ({"origin": 5}, "the value of Origin must be a str; it is int: give str() of it"),
            ({"user_agent_header": b"a"}, "the value of User-Agent must be a str; it is bytes"),
            ({"subprotocols": b"chat"}, "subprotocols is a sequence of strings"),
            ({"subprotocols": [b"chat"]}, "subprotocols is a sequence of strings"),
            ({"subprotocols": [None]}, "subprotocols is a sequence of strings"),
        ):
            error = self.assertRaises(TypeError, self.headers_of, **options)
            self.assertIn(words, str(error))

    def test_our_own_server_takes_it(self):
        ours, theirs = PerMessageDeflate(), PerMessageDeflate(client_max_window_bits=10)
        uri = parse_uri("ws://[::1]:81/")
        request = build_request(uri, subprotocols=["a", "b"], compression=ours)
        received = RequestReader().receive(request.serialize())
        check_request(received)
        self.assertEqual(select_subprotocol(received, ["b"]), "b")
        agreed, extensions = select_compression(received, theirs)
        response = ResponseReader().receive(accept(received, "b", extensions).serialize())
        self.assertEqual(check_response(request, response), "b")
        self.assertEqual(check_compression(response, ours), agreed)


class CheckResponseTests(HandshakeTestCase):
    def test_the_example_of_the_rfc_is_good(self):
        self.assertIsNone(check_response(a_request(), a_response()))

    def test_the_status_must_be_101(self):
        for status in (100, 200, 302, 401, 503):
            message = f"server rejected WebSocket connection: HTTP {status}"
            self.response_fails(InvalidStatus, message, status=status)

    def test_the_response_that_refuses_is_kept(self):
        response = a_response(404)
        exc = self.assertRaises(InvalidStatus, check_response, a_request(), response)
        self.assertIs(exc.response, response)

    def test_upgrade_and_connection_must_confirm(self):
        self.response_fails(InvalidUpgrade, "missing Upgrade header", Upgrade=None)
        self.response_fails(InvalidUpgrade, "missing Connection header", Connection=None)
        self.response_fails(InvalidUpgrade, "invalid Upgrade header: h2c", Upgrade="h2c")
        self.response_fails(InvalidUpgrade, "invalid Connection header: x", Connection="x")
        check_response(a_request(), a_response(Upgrade="WebSocket", Connection="upgrade"))

    def test_the_answer_must_be_to_our_key(self):
        name = "Sec-WebSocket-Accept"
        self.response_fails(InvalidHeader, f"missing {name} header", Sec_WebSocket_Accept=None)
        for answer in (ACCEPT.lower(), ACCEPT[:-1], KEY):
            message = f"invalid {name} header: {answer}"
            self.response_fails(InvalidHeaderValue, message, Sec_WebSocket_Accept=answer)
        message = f"invalid {name} header: it occurs more than once"
        self.response_fails(InvalidHeader, message, Sec_WebSocket_Accept=[ACCEPT, ACCEPT])

    def chosen(self, chosen, offered):
        response = a_response(Sec_WebSocket_Protocol=chosen)
        return check_response(a_request(Sec_WebSocket_Protocol=offered), response)

    def test_the_subprotocol_is_one_of_those_offered(self):
        self.assertEqual(self.chosen("b", "a, b"), "b")
        self.assertIsNone(self.chosen(None, "a, b"))
        for offered in ("a, c", "B", None):
            message = "unsupported subprotocol: b; it was not offered"
            result = self.complaint(self.chosen, "b", offered)
            self.assertEqual(result, (NegotiationError, message))

    def test_the_subprotocol_is_a_token(self):
        message = "invalid Sec-WebSocket-Protocol header: expected a token at 0 in ';'"
        result = self.complaint(self.chosen, ";", "a")
        self.assertEqual(result, (InvalidHeaderFormat, message))

    def test_there_is_one_subprotocol_at_most(self):
        expected = NegotiationError, "more than one subprotocol: a, b"
        for chosen in ("a, b", ["a", "b"]):
            self.assertEqual(self.complaint(self.chosen, chosen, "a, b"), expected)


class CheckCompressionTests(HandshakeTestCase):
    def agreed(self, answered, options):
        return check_compression(a_response(Sec_WebSocket_Extensions=answered), options)

    def test_the_server_may_have_chosen_none(self):
        for options in (None, PerMessageDeflate()):
            for answered in (None, "", ["", ","]):
                self.assertIsNone(self.agreed(answered, options))

    def test_the_choice_of_the_server_is_agreed(self):
        for answered in (
            'permessage-deflate; server_no_context_takeover; client_max_window_bits="10"',
            ["", "permessage-deflate ;client_max_window_bits=10; server_no_context_takeover"],
        ):
            expected = Deflate(server_takeover=False, client_window_bits=10)
            self.assertEqual(self.agreed(answered, PerMessageDeflate()), expected)

    def test_the_same_words_are_judged_by_what_was_offered(self):
        words = "permessage-deflate"
        wish = PerMessageDeflate(server_no_context_takeover=True)
        for _ in range(2):
            self.assertEqual(self.agreed(words, PerMessageDeflate()), Deflate())
            for options in (wish, None):
                self.assertEqual(self.complaint(self.agreed, words, options)[0], NegotiationError)

    def test_it_must_have_been_offered(self):
        message = "unsupported extensions: foo, bar; nothing was offered"
        for answered in ("foo; x=1, bar", ["", "foo", "bar"]):
            result = self.complaint(self.agreed, answered, None)
            self.assertEqual(result, (NegotiationError, message))

    def test_the_answer_must_be_well_formed(self):
        message = "invalid Sec-WebSocket-Extensions header: expected a token at 2 in 'a;'"
        for options in (None, PerMessageDeflate()):
            result = self.complaint(self.agreed, "a;", options)
            self.assertEqual(result, (InvalidHeaderFormat, message))
