"""A server's response to the opening handshake of a client, valid or not."""

from email.utils import parsedate_to_datetime

from tests.support.sides import PONG, REQUEST, TEXT, RecordedServer, ServerSide, frames_in
from txws2._connection.handle import driver_of
from txws2.exceptions import InvalidHandshake, InvalidHost, InvalidMessage, NegotiationError
from txws2.wire.connection import State
from txws2.wire.handshake.origins import SAME_ORIGIN
from txws2.wire.http.heads import Request, Response

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
UPGRADE = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
ZONE = b"[fe80::1%25eth0]:8000"


def without(line):
    assert line in REQUEST
    return REQUEST.replace(line, b"")


def plus(*lines):
    return REQUEST[:-2] + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


class HandshakeTestCase(ServerSide):
    def ask(self, request, **options):
        """Send a request; return status line, header lines and body of the response."""
        self.connect(**options)
        self.receive(request)
        self.peer.transport.loseConnection()
        self.joined.pump()
        head, _, body = self.peer.take().partition(b"\r\n\r\n")
        status, *headers = head.decode().split("\r\n")
        return status.removeprefix("HTTP/1.1 "), headers, body.decode()

    def assertStatus(self, expected, request, **options):
        status, headers, _ = self.ask(request, **options)
        self.assertEqual(status, expected, request[:200])
        self.assertEqual(self.ws.opened, int(status.startswith("101")))
        self.assertGone()
        return headers


class AcceptTests(HandshakeTestCase):
    def test_the_sample_of_the_rfc_is_answered_as_there(self):
        status, headers, body = self.ask(REQUEST)
        self.assertEqual(status, "101 Switching Protocols")
        expected = [
            "Connection: Upgrade",
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            "Upgrade: websocket",
        ]
        self.assertEqual(sorted(headers), expected)
        self.assertEqual(body, "")

    def test_request_and_response_are_there_afterwards(self):
        ws = self.open()
        self.assertEqual(ws.request.path, "/chat")
        self.assertEqual(ws.request.headers["Host"], "example.com")
        self.assertEqual(ws.response.status_code, 101)
        self.assertIs(ws.state, State.OPEN)

    def test_request_and_response_stay_as_they_are_made(self):
        ws = self.open()
        ws.request.headers.setRawHeaders("Host", ["other"])
        ws.response.headers.setRawHeaders("Server", ["ours"])
        self.assertEqual(ws.request.headers["Host"], "other")
        self.assertEqual(ws.response.headers["Server"], "ours")

    def test_there_is_neither_before_there_is(self):
        self.connect()
        self.assertEqual((self.ws.request, self.ws.response), (None, None))
        self.receive(REQUEST[:-1])
        self.assertEqual((self.ws.request, self.ws.response), (None, None))

    def test_the_response_has_what_was_agreed_on(self):
        self.connect(subprotocols=["chat"])
        self.receive(
            plus(
                b"Sec-WebSocket-Protocol: chat",
                b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
            )
        )
        headers = self.ws.response.headers
        self.assertEqual(headers["Sec-WebSocket-Protocol"], "chat")
        self.assertIn("client_max_window_bits", headers["Sec-WebSocket-Extensions"])
        self.assertEqual(self.peer.take(), self.ws.response.serialize())

    def test_a_subclass_may_put_others_in_their_place(self):
        ws = self.open()
        request, response = Request("/other"), Response(101, "Go")
        ws.request, ws.response = request, response
        self.assertIs(ws.request, request)
        self.assertIs(ws.response, response)

    def test_everybody_who_waits_for_the_opening_gets_it(self):
        self.connect()
        waiting = [self.ws.wait_opened(), self.ws.wait_opened()]
        self.receive(REQUEST)
        for each in waiting:
            self.assertIs(self.successResultOf(each), self.ws)

    def test_the_request_may_come_byte_by_byte(self):
        self.connect()
        self.peer.transport.chop = 1
        self.receive(REQUEST)
        self.assertEqual(self.ws.opened, 1)

    def test_an_empty_line_before_it_is_skipped(self):
        """RFC 9112 section 2.2: a server should ignore an empty line before the request line."""
        for chop in (None, 1, 3):
            self.connect()
            if chop is not None:
                self.peer.transport.chop = chop
            self.receive(b"\r\n\r\n" + REQUEST + self.frame(TEXT, b"early"))
            self.assertEqual(self.ws.opened, 1)
            self.assertEqual(self.successResultOf(self.ws.recv()), "early")

    def test_endless_empty_lines_are_400(self):
        self.assertStatus("400 Bad Request", b"\r\n" * 1000 + REQUEST)

    def test_frames_behind_the_request_are_kept(self):
        """The WebSocket servers of twisted.web lose them."""
        self.connect()
        self.receive(REQUEST + self.frame(TEXT, b"early") + self.frame(9, b"ping"))
        self.assertEqual(self.successResultOf(self.ws.recv()), "early")
        _, _, frames = self.peer.take().partition(b"\r\n\r\n")
        self.assertEqual(frames_in(frames), [(PONG, b"ping")])

    def test_upgrade_and_connection_may_be_lists_in_any_case(self):
        request = REQUEST.replace(
            UPGRADE, b"Upgrade: h2c, WebSocket\r\nConnection: keep-alive, UPGRADE\r\n"
        )
        self.assertStatus("101 Switching Protocols", request)

    def test_any_shape_of_host_that_there_is_will_do(self):
        for host in (
            b"example.com:8080",
            b"127.0.0.1",
            b"[::1]:80",
            b"localhost:",
            b"a_b",
            ZONE,
            b"[fe80::1%eth0]",
        ):
            request = REQUEST.replace(b"example.com", host)
            self.assertStatus("101 Switching Protocols", request)


class RefusalTests(HandshakeTestCase):
    def test_a_browser_that_opens_it_as_a_page_gets_an_explanation(self):
        request = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"
        status, headers, body = self.ask(request)
        self.assertEqual(status, "426 Upgrade Required")
        self.assertIn("Upgrade: websocket", headers)
        self.assertIn("This is a WebSocket server: it can't be opened as a web page.", body)

    def test_the_refusal_of_another_version_names_ours(self):
        for version in (b"8", b"12", b"14", b"013", b"", b"x"):
            request = REQUEST.replace(b"Version: 13", b"Version: " + version)
            headers = self.assertStatus("400 Bad Request", request)
            self.assertIn("Sec-WebSocket-Version: 13", headers)

    def test_the_refusal_of_a_missing_version_names_ours(self):
        headers = self.assertStatus("400 Bad Request", without(b"Sec-WebSocket-Version: 13\r\n"))
        self.assertIn("Sec-WebSocket-Version: 13", headers)

    def test_the_refusal_of_another_method_names_ours(self):
        for method in (b"POST", b"HEAD", b"OPTIONS", b"CONNECT", b"get", b"X"):
            request = method + REQUEST.removeprefix(b"GET")
            headers = self.assertStatus("405 Method Not Allowed", request)
            self.assertIn("Allow: GET", headers)

    def test_the_answer_to_head_has_no_body(self):
        _, _, body = self.ask(b"HEAD" + REQUEST.removeprefix(b"GET"))
        self.assertEqual(body, "")

    def test_another_http_is_505(self):
        for version in (b"1.0", b"0.9", b"2.0", b"1.2"):
            request = REQUEST.replace(b"HTTP/1.1", b"HTTP/" + version)
            headers = self.assertStatus("505 HTTP Version Not Supported", request)
            self.assertIn("Connection: close", headers)

    def test_a_request_for_the_whole_server_or_another_is_405(self):
        """RFC 9112 sections 3.2.3 and 3.2.4: such targets are for CONNECT and OPTIONS only."""
        for line in (b"OPTIONS *", b"CONNECT example.com:443", b"CONNECT [::1]:80"):
            request = line + b" HTTP/1.1\r\nHost: example.com\r\n\r\n"
            headers = self.assertStatus("405 Method Not Allowed", request)
            self.assertIn("Allow: GET", headers)

    def test_a_fragment_is_400(self):
        """RFC 9112 section 3.2: a request target has no fragment."""
        for target in (b"/chat#room", b"/#", b"/?a#b", b"http://example.com/#a"):
            request = REQUEST.replace(b"/chat", target)
            self.assertStatus("400 Bad Request", request)

    def test_a_host_is_needed_once_and_well_formed(self):
        host = b"Host: example.com\r\n"
        self.assertStatus("400 Bad Request", without(host))
        self.assertStatus("400 Bad Request", plus(b"Host: example.com"))
        for bad in (b"", b"a b", b"a/b", b"u@h", b"h:x", b"h:123456", b"[::1", b"\xff"):
            self.assertStatus("400 Bad Request", REQUEST.replace(b"example.com", bad))

    def test_a_key_is_needed_once_and_of_16_bytes(self):
        self.assertStatus("400 Bad Request", without(KEY))
        self.assertStatus("400 Bad Request", plus(KEY[:-2]))
        for bad in (b"", b"x", b"dGhlIHNhbXBsZSBub25jZQ", b"AAAA", b"dGhlIHNhbXBsZSBub25j\xff"):
            request = REQUEST.replace(b"dGhlIHNhbXBsZSBub25jZQ==", bad)
            self.assertStatus("400 Bad Request", request)

    def test_a_body_is_refused(self):
        for line in (b"Content-Length: 5", b"Transfer-Encoding: chunked"):
            self.assertStatus("400 Bad Request", plus(line) + b"hello")

    def test_garbage_is_400(self):
        for garbage in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"GET /chat\r\n\r\n",
            b"GET  /chat HTTP/1.1\r\n\r\n",
            b"GET /chat HTTP/1.1\n\n",
            b"GET /chat HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET chat HTTP/1.1\r\nHost: x\r\n\r\n",
            plus(b"Sec-WebSocket-Extensions: ;;;"),
            plus(b"Sec-WebSocket-Protocol: a b"),
        ):
            self.assertStatus("400 Bad Request", garbage)

    def test_an_endless_request_line_is_414_at_its_limit(self):
        """Attack 6."""
        self.assertStatus("414 URI Too Long", b"GET /" + b"x" * 9000)

    def test_endless_headers_are_431_at_their_limit(self):
        """Attack 6."""
        status = "431 Request Header Fields Too Large"
        self.assertStatus(status, REQUEST[:-2] + b"X: " + b"x" * 9000)
        self.assertStatus(status, REQUEST[:-2] + b"X: x\r\n" * 200)

    def test_other_limits_hold_likewise(self):
        too_large = "431 Request Header Fields Too Large"
        cookie = plus(b"Cookie: a=" + b"x" * 20_000)
        self.assertStatus(too_large, cookie)
        self.assertStatus("101 Switching Protocols", cookie, max_line_size=2**15)
        self.assertStatus(too_large, REQUEST[:-2] + b"Cookie: " + b"x" * 2**15, max_line_size=2**15)
        self.assertStatus("414 URI Too Long", b"GET /" + b"x" * 96, max_line_size=100)
        self.assertStatus(too_large, plus(b"X: " + b"x" * 96), max_line_size=100)
        lines = plus(*[b"X: x"] * 200)
        self.assertStatus(too_large, lines)
        self.assertStatus("101 Switching Protocols", lines, max_headers=205)
        self.assertStatus(too_large, lines, max_headers=204)

    def test_a_large_head_may_come_in_pieces_of_any_size(self):
        cookie = plus(b"Cookie: a=" + b"x" * 20_000, b"cookie: b=c") + self.frame(TEXT, b"early")
        for size in (1, 7, 8192, len(cookie) - 1):
            self.connect(max_line_size=2**15)
            self.peer.transport.chop = size
            self.receive(cookie)
            self.assertEqual(self.ws.opened, 1)
            self.assertEqual(self.successResultOf(self.ws.recv()), "early")
            self.assertEqual(len(self.ws.request.cookies["a"]), 20_000)

    def test_a_refusal_has_words_its_date_and_length(self):
        self.clock.advance(784111777)
        _, headers, body = self.ask(without(KEY))
        self.assertIn("missing Sec-WebSocket-Key header", body)
        self.assertIn(f"Content-Length: {len(body)}", headers)
        self.assertIn("Connection: close", headers)
        self.assertIn("Content-Type: text/plain; charset=utf-8", headers)
        self.assertIn("Date: Sun, 06 Nov 1994 08:49:37 GMT", headers)
        [date] = [line for line in headers if line.startswith("Date: ")]
        self.assertEqual(parsedate_to_datetime(date[6:]).timestamp(), 784111777)

    def test_the_protocol_gets_the_reason(self):
        self.connect()
        opening = self.ws.wait_opened()
        self.receive(b"nonsense\r\n\r\n")
        self.assertEqual(self.ws.lost, [])
        self.assertTrue(self.peer.ended)
        self.peer.transport.loseConnection()
        self.joined.pump()
        reason = self.failureResultOf(opening, InvalidMessage).value
        self.assertEqual(self.ws.lost, [reason])
        self.assertEqual((self.ws.close_code, self.ws.close_reason), (1006, ""))

    def test_bytes_after_a_refusal_do_not_matter(self):
        self.connect()
        self.receive(b"nonsense\r\n\r\n")
        answer = self.peer.take()
        self.receive(REQUEST * 2)
        self.assertEqual(self.peer.take(), b"")
        self.assertIn(b" 400 ", answer)
        self.assertEqual(self.ws.opened, 0)

    def test_a_client_that_does_not_hang_up_is_hung_up_on(self):
        self.connect()
        self.receive(b"nonsense\r\n\r\n")
        self.joined.advance(10)
        self.assertGone()

    def test_it_is_refused_once_though_the_server_stops_meanwhile(self):
        self.connect()
        self.ws.dataReceived(b"nonsense\r\n\r\n")
        driver_of(self.ws).turn_away(InvalidHandshake("stopping"))
        self.joined.pump()
        self.assertEqual(self.peer.take().count(b"HTTP/1.1 "), 1)
        self.assertEqual(self.ws.response.status_code, 400)


class OriginTests(HandshakeTestCase):
    """Attack 10."""

    def test_all_are_accepted_by_default(self):
        self.assertStatus("101 Switching Protocols", plus(b"Origin: https://evil.example"))

    def test_a_foreign_one_is_403(self):
        origins = ["https://example.com"]
        for origin in (b"https://evil.example", b"http://example.com", b"null", b""):
            self.assertStatus("403 Forbidden", plus(b"Origin: " + origin), origins=origins)

    def test_our_own_is_accepted(self):
        request = plus(b"Origin: https://example.com")
        self.assertStatus("101 Switching Protocols", request, origins=["https://example.com"])

    def test_none_accepts_programs(self):
        self.assertStatus("403 Forbidden", REQUEST, origins=["https://example.com"])
        self.assertStatus("101 Switching Protocols", REQUEST, origins=[None])

    def test_two_of_them_are_400(self):
        request = plus(b"Origin: https://example.com", b"Origin: https://evil.example")
        self.assertStatus("400 Bad Request", request, origins=["https://example.com"])

    def test_the_page_of_a_library_s_own_scheme_is_of_the_host_itself(self):
        for origin in (b"ws://example.com", b"wss://Example.com:443"):
            request = plus(b"Origin: " + origin)
            self.assertStatus("101 Switching Protocols", request, origins=[SAME_ORIGIN])
        request = plus(b"Origin: ws://evil.example")
        self.assertStatus("403 Forbidden", request, origins=[SAME_ORIGIN])

    def test_one_that_is_named_in_another_spelling_is_accepted(self):
        request = plus(b"Origin: https://example.com")
        for named in ("https://Example.com:443", "HTTPS://EXAMPLE.COM", "https://example.com."):
            self.assertStatus("101 Switching Protocols", request, origins=[named])


class HostTests(HandshakeTestCase):
    """DNS rebinding."""

    def at(self, host):
        return REQUEST.replace(b"example.com", host)

    def test_all_are_answered_for_by_default(self):
        self.assertStatus("101 Switching Protocols", self.at(b"evil.example"))

    def test_those_that_are_named_are_answered_for(self):
        hosts = ["localhost", "127.0.0.0/8", "::1", "fe80::1"]
        for host in (b"LOCALHOST:8000", b"127.0.0.1", b"[::1]:1", b"localhost.", ZONE):
            self.assertStatus("101 Switching Protocols", self.at(host), hosts=hosts)

    def test_any_other_host_is_421_and_the_log_names_the_option(self):
        for host in (b"evil.example", b"localhost.evil.example", b"128.0.0.1"):
            status, _, body = self.ask(self.at(host), hosts=["localhost", "127.0.0.0/8"])
            self.assertEqual(status, "421 Misdirected Request")
            text = f"doesn't answer for the host '{host.decode()}': that isn't among its hosts"
            self.assertIn(text, body)
            self.assertIsInstance(self.ws.lost[0], InvalidHost)

    def test_a_page_of_a_name_that_leads_here_is_of_the_same_origin_and_refused(self):
        request = plus(b"Origin: http://example.com")
        self.assertStatus("101 Switching Protocols", request, origins=[SAME_ORIGIN])
        options = {"origins": [SAME_ORIGIN], "hosts": ["localhost"]}
        self.assertStatus("421 Misdirected Request", request, **options)

    def test_an_invalid_host_is_400_still(self):
        self.assertStatus("400 Bad Request", self.at(b"a b"), hosts=["localhost"])

    def test_a_wrong_list_of_hosts_is_an_error(self):
        self.assertRaises(TypeError, self.make_factory, None, hosts="localhost")
        self.assertRaises(ValueError, self.make_factory, None, hosts=["http://localhost"])


class SubprotocolTests(HandshakeTestCase):
    def test_the_server_s_best_is_chosen(self):
        request = plus(b"Sec-WebSocket-Protocol: a, b", b"Sec-WebSocket-Protocol: c")
        headers = self.assertStatus(
            "101 Switching Protocols", request, subprotocols=["x", "c", "a"]
        )
        self.assertIn("Sec-WebSocket-Protocol: c", headers)
        self.assertEqual(self.ws.subprotocol, "c")

    def test_there_is_none_if_one_side_has_none(self):
        self.assertStatus("101 Switching Protocols", REQUEST, subprotocols=["a"])
        self.assertIsNone(self.ws.subprotocol)
        self.assertStatus("101 Switching Protocols", plus(b"Sec-WebSocket-Protocol: a"))
        self.assertIsNone(self.ws.subprotocol)

    def test_nothing_in_common_is_400(self):
        request = plus(b"Sec-WebSocket-Protocol: a")
        self.assertStatus("400 Bad Request", request, subprotocols=["b"])
        self.assertIsInstance(self.ws.lost[0], NegotiationError)


class SlowRequestTests(HandshakeTestCase):
    """Attack 5: a request that is dribbled, or never sent."""

    def test_dribbling_gains_no_time(self):
        self.connect()
        for at in range(10):
            self.receive(REQUEST[at : at + 1])
            self.joined.advance(1)
        self.assertTrue(self.peer.take().startswith(b"HTTP/1.1 408 Request Timeout\r\n"))
        self.joined.advance(10)
        self.assertGone()

    def test_a_server_that_was_busy_meanwhile_reads_what_waits(self):
        self.connect()
        self.clock.advance(30)
        self.receive(REQUEST)
        self.assertEqual(self.ws.opened, 1)

    def test_without_a_timeout_it_may_take_for_ever(self):
        self.connect(open_timeout=None)
        self.joined.advance(1000)
        self.receive(REQUEST)
        self.assertEqual(self.ws.opened, 1)

    def test_once_open_there_is_no_deadline(self):
        ws = self.open(ping_interval=None)
        self.clock.pump([1] * 12)
        self.assertEqual((ws.state, self.clock.getDelayedCalls()), (State.OPEN, []))


class LostWhileOpeningTests(HandshakeTestCase):
    """Attack 14: data after the transport is gone."""

    def test_a_request_that_ends_within_is_no_valid_one(self):
        self.connect()
        opening = self.ws.wait_opened()
        self.receive(REQUEST[:30])
        self.peer.transport.loseConnection()
        self.joined.pump()
        reason = self.failureResultOf(opening, InvalidMessage).value
        self.assertEqual(str(reason), "did not receive a valid HTTP request")
        self.assertIsNotNone(reason.__cause__)
        self.assertGone()

    def test_a_request_after_the_end_opens_nothing(self):
        self.connect()
        self.joined.drop()
        self.ws.dataReceived(REQUEST)
        self.assertEqual(self.ws.opened, 0)
        self.assertIs(self.ws.state, State.CLOSED)
        self.assertEqual(self.ws.transport.written, b"")

    def test_a_request_after_closing_opens_nothing(self):
        self.connect()
        self.ws.close()
        self.ws.dataReceived(REQUEST)
        self.joined.pump()
        self.assertEqual(self.ws.opened, 0)
        self.assertEqual(self.ws.transport.written, b"")

    def test_a_subclass_that_closes_at_once_is_not_opened(self):
        class Closing(RecordedServer):
            def connectionMade(self):
                super().connectionMade()
                self.close()

        self.connect(Closing)
        self.receive(REQUEST)
        self.assertEqual(self.ws.opened, 0)
        self.assertGone()
