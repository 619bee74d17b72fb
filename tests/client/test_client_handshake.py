"""A client reads each kind of response that a server can send."""

from OpenSSL import SSL
from twisted.internet.error import ConnectionLost

from tests.support.sides import PING, PONG, TEXT, ClientSide, answer
from txws2.client.protocol import WebSocketClientFactory
from txws2.exceptions import (
    HeaderLineTooLong,
    InvalidHandshake,
    InvalidHeader,
    InvalidHeaderValue,
    InvalidMessage,
    InvalidProtocol,
    InvalidStatus,
    InvalidUpgrade,
    InvalidURI,
    NegotiationError,
    OpeningTimeout,
    SecurityError,
    StatusLineTooLong,
    TooManyHeaders,
)
from txws2.wire.connection import State


class HandshakeTestCase(ClientSide):
    def ask(self, **options):
        """Connect, and take the request."""
        self.connect(**options)
        self.opening = self.ws.wait_opened()
        self.joined.pump()
        return self.peer.take()

    def assertFails(self, kind, response, **options):
        request = self.ask(**options)
        self.receive(response(request) if callable(response) else response)
        failure = self.failureResultOf(self.opening)
        self.assertIs(failure.type, kind, (failure, response))
        self.assertIsInstance(failure.value, InvalidHandshake)
        self.assertEqual(self.ws.lost, [failure.value])
        self.assertGone()
        return failure.value


class RequestTests(HandshakeTestCase):
    def lines(self, **options):
        return self.ask(**options).decode().split("\r\n")

    def test_it_is_that_of_the_rfc(self):
        first, *headers = self.lines()
        self.assertEqual(first, "GET /chat HTTP/1.1")
        for line in (
            "Host: example.com",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
        ):
            self.assertIn(line, headers)

    def test_each_has_a_key_of_its_own(self):
        self.assertNotEqual(self.ask(), self.ask())

    def test_options_become_headers(self):
        headers = self.lines(
            origin="https://example.com",
            subprotocols=["a", "b"],
            additional_headers=[("X-One", "1"), ("X-One", "2")],
            user_agent_header="me/1",
        )
        for line in (
            "Origin: https://example.com",
            "Sec-WebSocket-Protocol: a, b",
            "X-One: 1",
            "X-One: 2",
            "User-Agent: me/1",
        ):
            self.assertIn(line, headers)

    def test_additional_headers_from_an_iterator_are_in_each_request(self):
        factory = self.make_factory(None, additional_headers=iter([("X-One", "1")]))
        for _ in range(2):
            self.assertEqual(factory.build_request().headers["X-One"], "1")

    def test_additional_headers_may_be_a_mapping(self):
        self.assertIn("X-One: 1", self.lines(additional_headers={"X-One": "1"}))

    def test_the_host_has_the_port_unless_it_is_the_default(self):
        for uri, host in (
            ("ws://h:80/", "h"),
            ("ws://h:8000/", "h:8000"),
            ("wss://h:443/", "h"),
            ("ws://[::1]:1/", "[::1]:1"),
        ):
            factory = WebSocketClientFactory(uri, reactor=self.clock)
            self.assertEqual(factory.build_request().headers["Host"], host)

    def test_nothing_can_be_smuggled_into_it(self):
        """Attack 9."""
        for bad in ("a\r\nX: y", "a\nb", "a\x00b", "ä", "a\x7f"):
            for options in (
                {"origin": bad},
                {"user_agent_header": bad},
                {"additional_headers": {"X-One": bad}},
                {"additional_headers": {bad: "1"}},
                {"subprotocols": [bad]},
            ):
                self.assertRaises(InvalidHandshake, self.make_factory, None, **options)
        for uri in ("ws://h/a b", "ws://h/\r\nX: y", "ws://h\x00/", "http://h/", "ws://h/#x"):
            self.assertRaises(InvalidURI, WebSocketClientFactory, uri, reactor=self.clock)

    def test_a_line_is_no_pair(self):
        for line in "X-One: 1", b"X-One: 1":
            with self.assertRaises(TypeError) as caught:
                self.make_factory(None, additional_headers=line)
            self.assertIn("additional_headers is a mapping, or pairs", str(caught.exception))

    def test_headers_of_the_handshake_cannot_be_added_again(self):
        for name in ("Host", "upgrade", "Sec-WebSocket-Key", "Content-Length"):
            headers = {name: "x"}
            self.assertRaises(InvalidHeader, self.make_factory, None, additional_headers=headers)


class AcceptTests(HandshakeTestCase):
    def test_it_opens(self):
        self.receive(answer(self.ask()))
        self.assertIs(self.successResultOf(self.opening), self.ws)
        self.assertEqual(self.ws.opened, 1)
        self.assertEqual(self.ws.response.status_code, 101)
        self.assertIs(self.successResultOf(self.ws.wait_opened()), self.ws)

    def test_the_response_may_come_byte_by_byte(self):
        request = self.ask()
        self.peer.transport.chop = 1
        self.receive(answer(request))
        self.successResultOf(self.opening)

    def test_frames_behind_the_response_are_kept(self):
        request = self.ask()
        self.receive(answer(request) + self.frame(TEXT, b"early") + self.frame(PING, b"?"))
        self.assertEqual(self.successResultOf(self.ws.recv()), "early")
        self.assertEqual(self.said(), [(PONG, b"?")])

    def test_the_subprotocol_is_one_that_was_offered(self):
        request = self.ask(subprotocols=["a", "b"])
        self.receive(answer(request, b"Sec-WebSocket-Protocol: b"))
        self.assertEqual(self.ws.subprotocol, "b")

    def test_once_open_there_is_no_deadline(self):
        self.open(ping_interval=None)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class StatusTests(HandshakeTestCase):
    """A response other than 101 reaches the application as it is."""

    def refused(self, response):
        error = self.assertFails(InvalidStatus, response)
        return error.response

    def test_status_phrase_and_headers_are_there(self):
        head = b"HTTP/1.1 401 Who are you?\r\nContent-Length: 0\r\nX-Why: because\r\n\r\n"
        error = self.assertFails(InvalidStatus, head)
        self.assertEqual(str(error), "server rejected WebSocket connection: HTTP 401")
        self.assertEqual(error.response.status_code, 401)
        self.assertEqual(error.response.reason_phrase, "Who are you?")
        self.assertEqual(error.response.headers["X-Why"], "because")
        self.assertIs(self.ws.response, error.response)

    def test_a_body_of_known_length(self):
        response = self.refused(b"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nhello, ignored")
        self.assertEqual(response.body, b"hello")

    def test_a_chunked_body(self):
        response = self.refused(
            b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
        )
        self.assertEqual(response.body, b"hello")

    def test_a_body_that_comes_byte_by_byte(self):
        self.ask()
        self.peer.transport.chop = 1
        self.receive(b"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nhello")
        error = self.failureResultOf(self.opening, InvalidStatus).value
        self.assertEqual(error.response.body, b"hello")

    def test_a_body_that_ends_with_the_connection(self):
        self.ask()
        self.receive(b"HTTP/1.0 503 No\r\n\r\nhello")
        self.assertNoResult(self.opening)
        self.peer.transport.loseConnection()
        self.joined.pump()
        error = self.failureResultOf(self.opening, InvalidStatus).value
        self.assertEqual(error.response.body, b"hello")
        self.assertGone()

    def test_a_body_that_never_ends_is_not_waited_for_past_the_timeout(self):
        self.ask()
        self.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
        self.joined.advance(10)
        self.failureResultOf(self.opening, InvalidHandshake)
        self.assertGone()

    def test_a_phrase_that_is_no_ascii_is_no_trouble(self):
        for debug in (False, True):
            head = "HTTP/1.1 403 Verböten\r\nContent-Length: 0\r\n\r\n".encode()
            error = self.assertFails(InvalidStatus, head, debug=debug)
            self.assertEqual(error.response.reason_phrase, "Verböten")


class HostileServerTests(HandshakeTestCase):
    def test_garbage_is_no_response(self):
        for garbage in (
            b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
            b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
            b"HTTP/1.1 101\n\n",
            b"HTTP/1.1 1O1 x\r\n\r\n",
            b"HTTP/1.1 101 x\r\nno colon\r\n\r\n",
        ):
            self.assertFails(InvalidMessage, garbage)

    def test_another_http_is_refused(self):
        self.assertFails(InvalidProtocol, b"HTTP/2.0 101 x\r\n\r\n")

    def test_an_accept_key_that_is_not_ours_is_refused(self):
        def other(request):
            return answer(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")

        self.assertFails(InvalidHeaderValue, other)

    def test_each_header_of_the_answer_is_needed(self):
        for name, kind in (
            (b"Upgrade", InvalidUpgrade),
            (b"Connection", InvalidUpgrade),
            (b"Sec-WebSocket-Accept", InvalidHeader),
        ):

            def lacking(request, name=name):
                lines = answer(request).split(b"\r\n")
                return b"\r\n".join(x for x in lines if not x.startswith(name + b":"))

            self.assertFails(kind, lacking)

    def test_an_answer_that_was_not_offered_is_refused(self):
        for line, options in (
            (b"Sec-WebSocket-Protocol: a", {}),
            (b"Sec-WebSocket-Protocol: a", {"subprotocols": ["b"]}),
            (b"Sec-WebSocket-Protocol: b, b", {"subprotocols": ["b"]}),
            (b"Sec-WebSocket-Extensions: x-made-up", {}),
        ):
            self.assertFails(
                NegotiationError, lambda request, line=line: answer(request, line), **options
            )

    def test_an_endless_head_is_refused_at_its_limit(self):
        """Attack 6."""
        head = b"HTTP/1.1 101 x\r\n"
        self.assertFails(StatusLineTooLong, b"HTTP/1.1 101 " + b"x" * 9000)
        self.assertFails(HeaderLineTooLong, head + b"X: " + b"x" * 9000)
        self.assertFails(TooManyHeaders, head + b"X: x\r\n" * 200)

    def test_other_limits_hold_likewise(self):
        cookie = b"Set-Cookie: a=" + b"x" * 20_000
        many = [b"X: x"] * 150
        self.assertFails(HeaderLineTooLong, lambda request: answer(request, cookie))
        self.assertFails(TooManyHeaders, lambda request: answer(request, *many))
        self.assertFails(HeaderLineTooLong, b"HTTP/1.1 101 x\r\n" + b"y" * 60, max_line_size=50)
        self.assertFails(StatusLineTooLong, b"x" * 51, max_line_size=50)
        for lines, option in (([cookie], {"max_line_size": 2**15}), (many, {"max_headers": 153})):
            for chop in (1, 1000, 10**6):
                request = self.ask(**option)
                self.peer.transport.chop = chop
                self.receive(answer(request, *lines))
                self.assertEqual(self.ws.opened, 1)

    def test_bytes_after_hanging_up_do_not_matter(self):
        request = self.ask()
        self.ws.dataReceived(b"garbage\r\n\r\n")
        self.ws.dataReceived(answer(request))
        self.joined.pump()
        self.failureResultOf(self.opening, InvalidMessage)
        self.assertEqual(self.ws.opened, 0)

    def test_silence_is_an_opening_timeout(self):
        for said in (b"", b"H", b"HTTP/1.1 101 Switching Protocols\r\n"):
            self.ask()
            self.receive(said)
            self.joined.advance(9)
            self.assertNoResult(self.opening)
            self.joined.advance(1)
            self.failureResultOf(self.opening, OpeningTimeout)
            self.assertGone()


class LostWhileOpeningTests(HandshakeTestCase):
    def test_the_end_within_the_response_is_no_valid_one(self):
        for said in (b"", b"HTTP/1.1 101 Switching"):
            self.ask()
            self.receive(said)
            reason = ConnectionLost()
            self.joined.drop(reason)
            error = self.failureResultOf(self.opening, InvalidMessage).value
            self.assertEqual(str(error), "did not receive a valid HTTP response")
            self.assertIs(error.__cause__, reason)
            self.assertGone()

    def test_a_failure_of_tls_is_reported_as_such(self):
        """Attack 19."""
        for error, words in (
            (SSL.Error([("SSL routines", "", "certificate verify failed")]), "certificate verify"),
            (SSL.Error([]), "Error"),
            (SSL.ZeroReturnError(), "ZeroReturnError"),
            (SSL.SysCallError(104, "ECONNRESET"), "ECONNRESET"),
        ):
            self.ask()
            self.joined.drop(error)
            failure = self.failureResultOf(self.opening, SecurityError).value
            self.assertIn("the TLS handshake failed: ", str(failure))
            self.assertIn(words, str(failure))
            self.assertIs(failure.__cause__, error)

    def test_closing_before_it_is_open_is_an_end_like_any(self):
        self.ask()
        closing = self.ws.close()
        self.joined.pump()
        self.successResultOf(closing)
        self.successResultOf(self.ws.close())
        self.failureResultOf(self.opening, InvalidHandshake)
        self.assertIs(self.ws.state, State.CLOSED)
        self.assertGone()
