from base64 import b64encode
from http import HTTPStatus

from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.opening import KEY, HandshakeTestCase, a_request
from txws2 import exceptions
from txws2.exceptions import (
    InvalidHeader,
    InvalidHeaderFormat,
    InvalidHeaderValue,
    InvalidMessage,
    InvalidMethod,
    InvalidProtocol,
    InvalidUpgrade,
    NegotiationError,
)
from txws2.wire.handshake import server as accepting
from txws2.wire.handshake.server import (
    accept,
    check_acceptance,
    check_request,
    offered_subprotocols,
    refusal,
    select_compression,
    select_subprotocol,
)
from txws2.wire.http.heads import Response
from txws2.wire.permessage_deflate import Deflate, PerMessageDeflate


class CheckRequestTests(HandshakeTestCase):
    def good(self, **changes):
        self.assertIsNone(self.complaint(check_request, a_request(**changes)), msg=changes)

    def test_the_example_of_the_rfc_is_good(self):
        self.good()

    def test_the_method_must_be_get(self):
        for method in ("POST", "get", "HEAD"):
            message = f"the method must be GET; it is {method}"
            self.request_fails(InvalidMethod, message, method=method)

    def test_the_protocol_must_be_http_1_1(self):
        """RFC 9110 section 7.8."""
        request = a_request()
        request.protocol = "HTTP/1.0"
        expected = InvalidProtocol, "the protocol must be HTTP/1.1; it is HTTP/1.0"
        self.assertEqual(self.complaint(check_request, request), expected)

    def test_there_must_be_one_host(self):
        self.request_fails(InvalidHeader, "missing Host header", Host=None)
        message = "invalid Host header: it occurs more than once"
        self.request_fails(InvalidHeader, message, Host=["a", "a"])
        self.request_fails(InvalidHeaderValue, "empty Host header", Host="")

    def test_hosts_that_are_good(self):
        for host in (
            "h",
            "h:80",
            "h:",
            "h:65535",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:80",
            "a_b.c~-%41",
            "[fe80::1%25eth0]",
            "[fe80::1%25eth0]:80",
            "[fe80::1%eth0]",
            "[fe80::1%eth0.1_a-~]:80",
        ):
            self.good(Host=host)

    def test_hosts_that_are_not(self):
        for host in (
            *("a b", "a/b", "u@h", "a,b c", "h:80a", "h:123456", "::1", "[h]", "é", "h:8:0"),
            *("[::1%]", "[%eth0]", "[::1%a b]", "[::1%a/b]", "[::1%[]", "[::1%a]b", "[::1"),
        ):
            self.request_fails(InvalidHeaderValue, f"invalid Host header: {host}", Host=host)

    def test_there_must_be_no_body(self):
        message = "the request has a body; a GET for a WebSocket has none"
        self.request_fails(InvalidMessage, message, Content_Length="1")
        self.request_fails(InvalidMessage, message, Content_Length="")
        self.request_fails(InvalidMessage, message, Transfer_Encoding="chunked")
        self.good(Content_Length="0")

    def test_connection_must_say_upgrade(self):
        self.request_fails(InvalidUpgrade, "missing Connection header", Connection=None)
        self.request_fails(InvalidUpgrade, "empty Connection header", Connection="")
        message = "invalid Connection header: keep-alive, close"
        self.request_fails(InvalidUpgrade, message, Connection=["keep-alive", "close"])
        message = "invalid Connection header: expected a comma at 2 in 'a Upgrade'"
        self.request_fails(InvalidHeaderFormat, message, Connection="a Upgrade")

    def test_upgrade_must_say_websocket(self):
        self.request_fails(InvalidUpgrade, "missing Upgrade header", Upgrade=None)
        self.request_fails(InvalidUpgrade, "empty Upgrade header", Upgrade="")
        for value in ("h2c", "websockets", "Xwebsocket"):
            self.request_fails(InvalidUpgrade, f"invalid Upgrade header: {value}", Upgrade=value)
        message = "invalid Upgrade header: websocket/13, a"
        self.request_fails(InvalidUpgrade, message, Upgrade=["websocket/13", "a"])

    def test_both_may_say_more_in_any_case(self):
        self.good(Connection="keep-alive, UPGRADE", Upgrade="WebSocket")
        self.good(Upgrade=["h2c", "websocket"])
        self.good(Connection=["keep-alive", "upgrade"], Upgrade=["h2c/1", "TLS/1.2,\twebsocket "])

    def test_a_request_that_was_right_is_right_again(self):
        for _ in range(2):
            self.good(Host="again.example")
            self.request_fails(InvalidHeaderValue, "invalid Host header: a b", Host="a b")
            message = "invalid Upgrade header: h2c"
            self.request_fails(InvalidUpgrade, message, Host="again.example", Upgrade="h2c")

    def test_the_memory_of_right_requests_is_small(self):
        for number in range(1000):
            self.good(Host=f"h{number}")
            self.good(Host="h" * 300 + str(number))
        self.assertLessEqual(len(accepting._sound), 64)
        self.assertLess(len(repr(accepting._sound)), 64 * 300)

    def test_the_version_must_be_13(self):
        name = "Sec-WebSocket-Version"
        self.request_fails(InvalidHeader, f"missing {name} header", Sec_WebSocket_Version=None)
        for version in ("12", "013", "13, 8", "1"):
            message = f"invalid {name} header: {version}"
            self.request_fails(InvalidHeaderValue, message, Sec_WebSocket_Version=version)
        message = f"invalid {name} header: it occurs more than once"
        self.request_fails(InvalidHeader, message, Sec_WebSocket_Version=["13", "13"])

    def test_the_key_must_be_16_bytes_in_base64(self):
        name = "Sec-WebSocket-Key"
        self.request_fails(InvalidHeader, f"missing {name} header", Sec_WebSocket_Key=None)
        message = f"invalid {name} header: it occurs more than once"
        self.request_fails(InvalidHeader, message, Sec_WebSocket_Key=[KEY, KEY])
        self.request_fails(InvalidHeaderValue, f"empty {name} header", Sec_WebSocket_Key="")
        for key in (
            b64encode(bytes(15)).decode(),
            b64encode(bytes(17)).decode(),
            KEY[:-1],
            KEY + "=",
            KEY + KEY,
            KEY.replace("d", "d ", 1),
            KEY.replace("d", "-", 1),
            "é" + KEY,
        ):
            message = f"invalid {name} header: {key}"
            self.request_fails(InvalidHeaderValue, message, Sec_WebSocket_Key=key)


class OfferedSubprotocolsTests(TestCase):
    def test_they_are_in_the_client_s_order(self):
        request = a_request(Sec_WebSocket_Protocol=["b, a", "c"])
        self.assertEqual(offered_subprotocols(request), ["b", "a", "c"])

    def test_there_may_be_none(self):
        self.assertEqual(offered_subprotocols(a_request()), [])

    def test_a_malformed_list_is_refused(self):
        request = a_request(Sec_WebSocket_Protocol="a b")
        self.assertRaises(InvalidHeaderFormat, offered_subprotocols, request)


class CheckAcceptanceTests(TestCase):
    """An application may change some parts of the response that opens the connection."""

    agreed = "chat", "permessage-deflate"

    def setUp(self):
        self.request = a_request()
        self.response = accept(self.request, *self.agreed)

    def check(self, *agreed):
        check_acceptance(self.request, *(agreed or self.agreed), self.response)

    def assertRefused(self, message, *agreed):
        error = self.assertRaises(ValueError, self.check, *agreed)
        self.assertEqual(str(error), message)

    def test_it_may_leave_it_alone(self):
        self.check()

    def test_it_may_add_headers(self):
        self.response.headers.addRawHeader("Set-Cookie", "a=1")
        self.response.reason_phrase = "Here you go"
        self.check()

    def test_it_may_not_change_or_take_those_of_the_handshake(self):
        for name in (
            "Upgrade",
            "Connection",
            "Sec-WebSocket-Accept",
            "Sec-WebSocket-Protocol",
            "Sec-WebSocket-Extensions",
        ):
            for change in (
                lambda headers, name: headers.removeHeader(name),
                lambda headers, name: headers.setRawHeaders(name, ["x"]),
                lambda headers, name: headers.addRawHeader(name, headers[name]),
            ):
                self.setUp()
                change(self.response.headers, name)
                self.assertRefused(f"a response that opens the connection must keep its {name}")

    def test_it_may_not_agree_to_more(self):
        message = "a response that opens the connection must keep its Sec-WebSocket-"
        self.assertRefused(f"{message}Protocol", None, self.agreed[1])
        self.assertRefused(f"{message}Extensions", self.agreed[0], None)

    def test_it_has_no_body(self):
        self.response.body = b"x"
        self.assertRefused("a response that opens the connection has no body")


class SelectSubprotocolTests(HandshakeTestCase):
    def selected(self, offered, available):
        return select_subprotocol(a_request(Sec_WebSocket_Protocol=offered), available)

    def test_the_server_prefers(self):
        self.assertEqual(self.selected("a, b, c", ["x", "c", "b"]), "c")
        self.assertEqual(self.selected(["a", "b"], ["b", "a"]), "b")

    def test_there_is_none_unless_both_have_some(self):
        self.assertIsNone(self.selected("a", []))
        self.assertIsNone(self.selected(None, ["a"]))

    def test_they_are_compared_in_their_case(self):
        expected = NegotiationError, "invalid subprotocol; expected one of A, b"
        self.assertEqual(self.complaint(self.selected, "a, B", ["A", "b"]), expected)

    def test_the_offer_must_be_tokens(self):
        message = "invalid Sec-WebSocket-Protocol header: expected a token at 0 in ';'"
        expected = InvalidHeaderFormat, message
        self.assertEqual(self.complaint(self.selected, ";", []), expected)


class SelectCompressionTests(HandshakeTestCase):
    OPTIONS = PerMessageDeflate()

    def selected(self, offered, options=OPTIONS):
        return select_compression(a_request(Sec_WebSocket_Extensions=offered), options)

    def test_the_client_s_best_offer_that_can_be_accepted_is(self):
        agreed = Deflate(server_window_bits=10), "permessage-deflate; server_max_window_bits=10"
        for offered in (
            'foo, permessage-deflate; x, permessage-deflate; server_max_window_bits="10"',
            ["foo", "permessage-deflate; server_max_window_bits=10, permessage-deflate"],
        ):
            self.assertEqual(self.selected(offered), agreed)

    def test_those_who_offer_the_same_share_what_is_agreed(self):
        first, second = (self.selected("permessage-deflate; foo, permessage-deflate") for _ in "ab")
        self.assertIs(first, second)

    def test_a_long_offer_is_as_good_and_is_not_kept(self):
        offered = f"{'x' * 300}, permessage-deflate"
        first, second = self.selected(offered), self.selected(offered)
        self.assertEqual(first, (Deflate(), "permessage-deflate"))
        self.assertEqual(first, second)
        self.assertIsNot(first, second)

    def test_there_is_none_unless_both_want_it(self):
        for offered in (None, "", "foo; x=1"):
            self.assertIsNone(self.selected(offered))
        self.assertIsNone(self.selected("permessage-deflate", None))

    def test_the_offer_must_be_well_formed_whatever_is_made_of_it(self):
        message = "invalid Sec-WebSocket-Extensions header: expected a token at 2 in 'a;'"
        for options in (self.OPTIONS, None):
            expected = InvalidHeaderFormat, message
            self.assertEqual(self.complaint(self.selected, "a;", options), expected)


class AcceptTests(TestCase):
    def test_the_example_of_the_rfc(self):
        """Section 1.3."""
        self.assertEqual(
            accept(a_request(), "chat").serialize(),
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            b"Sec-WebSocket-Protocol: chat\r\n\r\n",
        )

    def test_without_a_subprotocol_none_is_named(self):
        self.assertNotIn("Sec-WebSocket-Protocol", accept(a_request(), None).headers)

    def test_the_extensions_are_named_if_there_are_any(self):
        response = accept(a_request(), None, "permessage-deflate; server_max_window_bits=10")
        self.assertEqual(
            response.headers.get_all("Sec-WebSocket-Extensions"),
            ["permessage-deflate; server_max_window_bits=10"],
        )
        self.assertNotIn("Sec-WebSocket-Extensions", accept(a_request(), "chat").headers)


class RefusalTests(TestCase):
    def test_each_reason_has_its_status(self):
        statuses = {
            exceptions.RequestLineTooLong("x"): 414,
            exceptions.HeaderLineTooLong("x"): 431,
            exceptions.TooManyHeaders("x"): 431,
            exceptions.InvalidMethod("PUT"): 405,
            exceptions.InvalidProtocol("HTTP/1.0"): 505,
            exceptions.InvalidHost("x"): 421,
            exceptions.InvalidOrigin("x"): 403,
            exceptions.InvalidPath("/x"): 404,
            exceptions.InvalidUpgrade("Upgrade"): 426,
            exceptions.OpeningTimeout(): 408,
            exceptions.ServerClosing(): 503,
            exceptions.InvalidMessage("x"): 400,
            exceptions.InvalidHeader("Host"): 400,
            exceptions.NegotiationError("x"): 400,
            exceptions.InvalidHandshake("x"): 400,
        }
        for reason, status in statuses.items():
            response = refusal(reason)
            self.assertEqual(response.status_code, status)
            self.assertEqual(
                response.reason_phrase, Response.plain(HTTPStatus(status), "").reason_phrase
            )

    def test_the_reason_is_in_the_body(self):
        self.assertEqual(
            refusal(exceptions.InvalidHeader("Host")).serialize(),
            b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Length: 53\r\nConnection: close\r\n\r\n"
            b"The WebSocket handshake failed: missing Host header.\n",
        )

    def test_a_browser_gets_an_explanation(self):
        response = refusal(exceptions.InvalidUpgrade("Upgrade"))
        self.assertEqual(response.headers.get_all("Connection"), ["Upgrade, close"])
        self.assertEqual(response.headers["Upgrade"], "websocket")
        self.assertEqual(response.headers["Content-Length"], str(len(response.body)))
        self.assertEqual(
            response.body,
            b"This is a WebSocket server: it can't be opened as a web page.\n"
            b"Connect to it with a WebSocket client.\n"
            b"(The handshake failed: missing Upgrade header.)\n",
        )

    def test_the_refusal_names_the_right_value(self):
        method = refusal(exceptions.InvalidMethod("PUT"))
        self.assertEqual(method.headers["Allow"], "GET")
        for value in (None, "8"):
            version = refusal(exceptions.InvalidHeader("Sec-WebSocket-Version", value))
            self.assertEqual(version.headers["Sec-WebSocket-Version"], "13")

    def test_other_refusals_name_no_value(self):
        headers = refusal(exceptions.InvalidHeader("Host")).headers
        self.assertEqual(list(headers), ["Content-Type", "Content-Length", "Connection"])
