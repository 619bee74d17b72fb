"""WebSocket to WebSocket: the reverse proxy."""

from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import formatEvent

import txws2
from tests.support.sides import REQUEST, QuietTestCase
from tests.support.website import SiteTestCase
from txws2 import Response
from txws2.exceptions import InvalidStatus, InvalidURI
from txws2.forward import Forward
from txws2.forward.onward_request import InvalidOnwardPath, onward_uri
from txws2.server.hooks import gather_hooks
from txws2.testing import Joined, Refuse, ScriptedServer, Silence
from txws2.wire.handshake.server import acceptance
from txws2.wire.http.heads import Request

KIB = 1024


class UpstreamTestCase(QuietTestCase):
    """Has two servers in memory: `outer` forwards to `inner`."""

    def setUp(self):
        super().setUp()
        self.received = []

    async def echo(self, ws):
        async for message in ws:
            self.received.append(message)
            await ws.send(message)

    def serve(self, handler=None, *, where="ws://inner/", mount="/", outer=None, **options):
        self.inner = ScriptedServer(handler or self.echo, at="ws://inner/", **options)
        self.reactor = self.inner.reactor
        self.forward = Forward(where, mount=mount, reactor=self.reactor)
        self.outer = ScriptedServer(
            self.forward, at="ws://outer/", reactor=self.reactor, **(outer or {})
        )

    def connect(self, path="/", **options):
        return self.reactor.result_of(self.connecting(path, **options))

    def connecting(self, path="/", **options):
        return txws2.connect(f"ws://outer{path}", reactor=self.reactor, proxy=None, **options)

    def refused(self, *arguments, **options):
        failed = self.assertRaises(InvalidStatus, self.connect, *arguments, **options)
        return failed.response

    def warnings(self):
        """Return the warnings about refused requests, and forget them."""
        texts = [formatEvent(event) for event in self.events if "unsaid" in event]
        self.events.clear()
        return texts

    def last_request(self):
        return self.inner.attempts[-1].request


class MessageTests(UpstreamTestCase):
    def test_text_stays_text_and_binary_stays_binary(self):
        self.serve()
        ws = self.connect()
        for message in "text ü", b"\x00\xff", "", b"", "x" * 200 * KIB:
            ws.sendMessage(message)
            self.assertEqual(self.reactor.result_of(ws.recv()), message)
        self.reactor.result_of(ws.close())

    def test_messages_that_come_together_keep_their_order(self):
        self.serve()
        ws = self.connect()
        for number in range(300):
            ws.sendMessage(str(number))
        for number in range(300):
            self.assertEqual(self.reactor.result_of(ws.recv()), str(number))

    def test_what_the_other_server_says_at_once_arrives(self):
        async def greet(ws):
            await ws.send("welcome")
            await ws.wait_closed()

        self.serve(greet)
        self.assertEqual(self.reactor.result_of(self.connect().recv()), "welcome")

    def test_a_ping_is_answered_by_the_first_hop(self):
        self.serve()
        pinged = []
        ws = self.connect()
        self.inner.connection.server.pingReceived = pinged.append
        self.reactor.result_of(ws.ping())
        self.assertEqual(pinged, [])

    def test_compression_is_for_one_hop(self):
        self.serve()
        ws = self.connect(compression="deflate")
        self.assertIn("Sec-WebSocket-Extensions", ws.response.headers)
        self.assertNotIn("Sec-WebSocket-Extensions", self.last_request().headers)

    def test_a_slow_client_stops_the_other_server(self):
        async def flood(ws):
            for _ in range(200):
                await ws.send(bytes(16 * KIB))
                self.received.append(len(self.received))
            await ws.wait_closed()

        self.serve(flood, outer={"compression": None})
        ws = self.connect(max_queue=1)
        self.outer.connection.client_transport.pauseProducing()
        self.reactor.pump()
        self.assertLess(len(self.received), 100)
        self.outer.connection.client_transport.resumeProducing()
        for _ in range(200):
            self.assertEqual(self.reactor.result_of(ws.recv()), bytes(16 * KIB))

    def test_another_server_that_reads_slowly_stops_the_client(self):
        async def wait(ws):
            await ws.wait_closed()

        self.serve(wait, max_queue=1, compression=None)
        ws = self.connect(compression=None)
        sending = [ws.send(bytes(16 * KIB)) for _ in range(200)]
        self.reactor.pump()
        self.assertTrue(self.outer.connection.server_transport.paused)
        self.assertFalse(sending[-1].called)
        for each in sending:
            each.addErrback(lambda _: None)
        self.outer.connection.drop()
        self.reactor.pump()


class ClosingTests(UpstreamTestCase):
    def test_the_code_of_the_client_reaches_the_other_server(self):
        self.serve()
        ws = self.connect()
        self.reactor.result_of(ws.close(4001, "bye"))
        inner = self.inner.connection.server
        self.assertEqual((inner.close_code, inner.close_reason), (4001, "bye"))

    def test_the_code_of_the_other_server_reaches_the_client(self):
        async def refuse(ws):
            await ws.close(4002, "no more")

        self.serve(refuse)
        ws = self.connect()
        self.reactor.result_of(ws.wait_closed())
        self.assertEqual((ws.close_code, ws.close_reason), (4002, "no more"))

    def test_messages_before_the_close_arrive_first(self):
        async def say(ws):
            for number in range(20):
                await ws.send(str(number))

        self.serve(say)
        ws = self.connect()
        got = [self.reactor.result_of(ws.recv()) for _ in range(20)]
        self.reactor.result_of(ws.wait_closed())
        self.assertEqual((got[-1], ws.close_code), ("19", 1000))

    def test_another_server_that_is_lost_is_a_1014(self):
        self.serve()
        ws = self.connect()
        self.inner.connection.drop()
        self.reactor.result_of(ws.wait_closed())
        self.assertEqual(ws.close_code, 1014)

    def test_a_client_that_vanishes_is_a_1001_for_the_other_server(self):
        self.serve()
        self.connect()
        self.outer.connection.drop()
        self.reactor.pump()
        self.assertEqual(self.inner.connection.server.close_code, 1001)

    def test_a_close_without_a_code_is_a_1000(self):
        self.serve()
        self.connect()
        self.outer.connection.server_transport.feed(8, b"")
        self.reactor.pump()
        self.assertEqual(self.inner.connection.server.close_code, 1000)

    def test_a_handler_that_is_cancelled_leaves_nothing_behind(self):
        self.serve()
        self.connect()
        [running] = self.outer.factory.running
        self.outer.factory.stopping = True
        running.cancel()
        self.reactor.pump()
        self.assertEqual(self.inner.connection.server.close_code, 1001)


class HandshakeTests(UpstreamTestCase):
    def test_the_headers_of_the_client_are_passed_on(self):
        self.serve()
        headers = [("Cookie", "a=b"), ("Authorization", "Bearer x"), ("X-Own", "1")]
        self.connect(origin="https://page.example", additional_headers=headers)
        sent = self.last_request().headers
        self.assertEqual(sent["Cookie"], "a=b")
        self.assertEqual(sent["Authorization"], "Bearer x")
        self.assertEqual(sent["X-Own"], "1")
        self.assertEqual(sent["Origin"], "https://page.example")
        self.assertEqual(sent["Host"], "inner")

    def test_it_tells_who_the_client_is(self):
        self.serve()
        self.connect()
        sent = self.last_request().headers
        self.assertEqual(sent["X-Forwarded-For"], "127.0.0.1")
        self.assertEqual(sent["X-Forwarded-Proto"], "http")
        self.assertEqual(sent["X-Forwarded-Host"], "outer")
        self.assertEqual(sent["Forwarded"], 'for=127.0.0.1;host="outer";proto=http')

    def test_it_appends_to_the_proxies_before_it(self):
        self.serve()
        headers = {
            "X-Forwarded-For": "192.0.2.1",
            "Forwarded": "for=192.0.2.1",
            "X-Forwarded-Proto": "https",
        }
        self.connect(additional_headers=headers)
        sent = self.last_request().headers
        self.assertEqual(sent["X-Forwarded-For"], "192.0.2.1, 127.0.0.1")
        self.assertEqual(sent["Forwarded"], 'for=192.0.2.1, for=127.0.0.1;host="outer";proto=http')
        # Nobody has said that the sender may be trusted.
        self.assertEqual(sent["X-Forwarded-Proto"], "http")

    def test_a_trusted_proxy_tells_that_the_client_uses_tls(self):
        self.serve(outer={"trusted_proxies": ["127.0.0.1"]})
        self.connect(
            additional_headers={"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
        )
        self.assertEqual(self.last_request().headers["X-Forwarded-Proto"], "https")

    def test_headers_for_one_hop_are_not_passed_on(self):
        self.serve()
        headers = {"Proxy-Authorization": "Basic x", "TE": "trailers", "Keep-Alive": "1"}
        self.connect(additional_headers=headers)
        self.assertEqual(set(headers) & set(self.last_request().headers), set())

    def test_a_header_that_connection_names_is_not_passed_on(self):
        self.serve()
        head = REQUEST.replace(b": Upgrade\r\n", b": Upgrade, X-Hop\r\nX-Hop: secret\r\n")
        self.reactor.start(self.send_raw(head))
        self.assertNotIn("X-Hop", self.last_request().headers)

    async def send_raw(self, head):
        endpoint = HostnameEndpoint(self.reactor, "outer", 80)
        (await endpoint.connect(Factory.forProtocol(Protocol))).transport.write(head)

    def test_a_header_that_cannot_be_sent_is_a_400(self):
        self.serve()
        head = REQUEST.replace(b"\r\n\r\n", b"\r\nX-Name: J\xc3\xbcrgen\r\n\r\n")
        self.reactor.start(self.send_raw(head))
        answer = self.outer.attempts[0].connection.server_transport.written
        self.assertIn(b"HTTP/1.1 400 Bad Request\r\n", answer)
        self.assertIn(b"X-Name", answer)
        self.assertEqual(self.inner.attempts, [])

    def test_the_other_server_chooses_the_subprotocol(self):
        self.serve(subprotocols=["chat", "binary"])
        ws = self.connect(subprotocols=["binary", "chat"])
        self.assertEqual(self.inner.attempts[-1].subprotocols, ["binary", "chat"])
        self.assertEqual(ws.subprotocol, "chat")

    def test_it_may_choose_none(self):
        self.serve()
        self.assertIsNone(self.connect(subprotocols=["chat"]).subprotocol)

    def test_in_routes_it_chooses_as_well(self):
        self.serve(subprotocols=["chat"])
        guarded = txws2.guarded(self.forward, lambda connection, request: None)
        plain = self.echo
        self.outer.factory.handler = router = txws2.route({"/a": guarded, "/b": plain})
        self.outer.factory.hooks = gather_hooks(router, None, None, None)
        self.assertEqual(self.connect("/a", subprotocols=["chat"]).subprotocol, "chat")
        self.assertIsNone(self.connect("/b", subprotocols=["chat"]).subprotocol)

    def test_a_subprotocol_that_nobody_has_offered_is_a_502(self):
        self.serve()
        self.inner.factory.buildProtocol = lambda addr: Imposing("other")
        self.assertEqual(self.refused(subprotocols=["chat"]).status_code, 502)
        [warning] = self.warnings()
        self.assertIn("other", warning)

    def accept_with(self, *headers):
        """Let the other server accept with these headers; return the client's connection."""

        def add(connection, request, response):
            for name, value in headers:
                response.headers.addRawHeader(name, value)

        self.serve(process_response=add)
        return self.connect()

    def test_headers_with_which_it_accepts_are_passed_on(self):
        headers = [
            ("Set-Cookie", "a=b; Path=/"),
            ("Set-Cookie", "c=d"),
            ("X-Own", "1"),
            ("Keep-Alive", "5"),
            ("Date", "now"),
            ("Via", "1.1 inner"),
        ]
        got = self.accept_with(*headers).response.headers
        self.assertEqual(got.get_all("Set-Cookie"), ["a=b; Path=/", "c=d"])
        self.assertEqual((got["X-Own"], got["Via"]), ("1", "1.1 inner"))
        self.assertEqual({"Keep-Alive", "Date"} & set(got), set())
        self.assertEqual(len(got.get_all("Sec-WebSocket-Accept")), 1)
        self.assertEqual(len(got.get_all("Connection")), 1)
        server = self.outer.connection.server
        self.assertEqual(server.response.headers.get_all("Set-Cookie"), ["a=b; Path=/", "c=d"])

    def test_a_header_that_is_not_ascii_is_left_out(self):
        self.serve()
        lines = b"X-Name: J\xc3\xbcrgen\r\nX-Own: 1\r\n"
        self.inner.factory.buildProtocol = lambda addr: Imposing(None, lines)
        got = self.connect().response.headers
        self.assertEqual(("X-Name" in got, got["X-Own"]), (False, "1"))

    def test_its_refusal_is_passed_back(self):
        def refuse(connection, request):
            response = Response(401, "Unauthorized", body=b"who are you?")
            response.headers.addRawHeader("WWW-Authenticate", 'Basic realm="inner"')
            response.headers.addRawHeader("Content-Type", "text/plain")
            response.headers.addRawHeader("Content-Length", "12")
            response.headers.addRawHeader("Keep-Alive", "5")
            return response

        self.serve(process_request=refuse)
        response = self.refused()
        self.assertEqual((response.status_code, response.body), (401, b"who are you?"))
        self.assertEqual(response.headers["WWW-Authenticate"], 'Basic realm="inner"')
        self.assertEqual(response.headers.get_all("Content-Length"), ["12"])
        self.assertNotIn("Keep-Alive", response.headers)

    def test_its_redirect_is_passed_back_and_not_followed(self):
        def redirect(connection, request):
            response = connection.respond(302, "elsewhere")
            response.headers.addRawHeader("Location", "http://evil/")
            return response

        self.serve(process_request=redirect)
        self.reactor.start(self.send_raw(REQUEST))
        answer = self.outer.attempts[0].connection.server_transport.written
        self.assertIn(b"HTTP/1.1 302 Found\r\n", answer)
        self.assertIn(b"Location: http://evil/\r\n", answer)
        self.assertEqual(len(self.inner.attempts), 1)

    def test_a_server_that_cannot_be_reached_is_a_502(self):
        self.serve(where="ws://nowhere/")
        self.assertEqual(self.refused().status_code, 502)

    def test_a_server_that_is_none_of_websocket_is_a_502(self):
        self.serve()
        self.inner.factory.buildProtocol = lambda addr: Hostile()
        self.assertEqual(self.refused().status_code, 502)

    def test_its_503_is_passed_back_and_the_log_says_from_whom(self):
        self.serve()
        self.inner.script(Refuse())
        self.assertEqual(self.refused().status_code, 503)
        [warning] = self.warnings()
        self.assertIn("refused with 503: ", warning)
        self.assertIn("see the log of the target ws://inner/, ", warning)

    def answer_with(self, status):
        """Let the other server answer with this status; return the first line for the client."""
        self.serve(process_request=lambda connection, _: connection.respond(status, "no"))
        self.reactor.start(self.send_raw(REQUEST))
        answer = self.outer.attempts[0].connection.server_transport.written
        return answer.partition(b"\r\n")[0].decode()

    def test_so_it_does_about_a_path_that_is_none_of_a_websocket(self):
        for status in 200, 301, 404, 500:
            self.assertIn(f" {status} ", self.answer_with(status))
            [warning] = self.warnings()
            self.assertIn(f"refused with {status}: ", warning)

    def test_a_refusal_that_is_for_the_client_is_not_told(self):
        for status in 400, 401, 403, 429:
            self.assertIn(f" {status} ", self.answer_with(status))
            self.assertEqual(self.warnings(), [])

    def test_a_server_that_is_silent_is_a_504(self):
        self.serve()
        self.inner.script(Silence())
        connecting = self.reactor.start(self.connecting())
        self.reactor.advance(10)
        response = self.failureResultOf(connecting).value.response
        self.assertEqual(response.status_code, 504)

    def test_a_client_that_leaves_meanwhile_ends_the_attempt(self):
        self.serve()
        self.inner.script(Silence())
        connecting = self.reactor.start(self.connecting())
        connecting.cancel()
        self.failureResultOf(connecting)
        self.reactor.pump()
        self.assertEqual((len(self.inner.attempts), self.reactor.getDelayedCalls()), (1, []))


class SiteTests(SiteTestCase):
    """In a site of twisted.web, a connection has no transport before it is open."""

    def test_the_headers_of_both_requests_and_answers_pass(self):
        self.serve(Forward("ws://127.0.0.1:8001/", mount="/chat", reactor=self.clock))
        self.receive(REQUEST)
        other = Imposing(None, b"Set-Cookie: a=b\r\n")
        client = self.clock.tcpClients[0][2].buildProtocol(None)
        joined = Joined(other, client, self.clock)
        joined.pump()
        self.joined.pump()
        self.assertEqual(other.request.headers["X-Forwarded-For"], "127.0.0.1")
        _, headers, _ = self.answer()
        self.assertEqual(headers["Set-Cookie"], "a=b")
        self.leave()
        joined.pump()
        joined.client_transport.abortConnection()
        joined.pump()


class Imposing(Protocol):
    """Accepts with a subprotocol that nobody has offered, and with these header lines."""

    def __init__(self, subprotocol, lines=b""):
        self.answer = subprotocol, None, lines

    def dataReceived(self, data):
        if not hasattr(self, "request"):
            self.request = Request.received(data.removesuffix(b"\r\n\r\n"))
            self.transport.write(acceptance(self.request, *self.answer))


class Hostile(Protocol):
    def dataReceived(self, data):
        self.transport.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


class PathTests(QuietTestCase):
    def test_the_path_below_the_mount_is_appended(self):
        for uri, path, mount, expected in [
            ("ws://o/", "/", "/", "ws://o/"),
            ("ws://o", "/a/b", "/", "ws://o/a/b"),
            ("ws://o/chat", "/", "/", "ws://o/chat"),
            ("ws://o/chat", "/x", "/x", "ws://o/chat"),
            ("ws://o/chat", "/x/", "/x", "ws://o/chat/"),
            ("ws://o/chat/", "/x", "/x", "ws://o/chat/"),
            ("ws://o/chat/", "/x/a%2Fb", "/x", "ws://o/chat/a%2Fb"),
            ("ws://o/", "/x/y/z", "/x/y", "ws://o/z"),
            ("ws://o/", "/x?a=1", "/x", "ws://o/?a=1"),
            ("ws://u:p@o/?k=1", "/x?a=1", "/x", "ws://u:p@o/?k=1&a=1"),
        ]:
            self.assertEqual(onward_uri(uri, path, mount), expected)

    def test_a_path_that_could_leave_its_part_is_refused(self):
        for path in "/x/../a", "/x/%2e%2e/a", "/x/..", "/x/./a", "/x/..%2fa", "/x/..\\a", "/..":
            self.assertRaises(InvalidOnwardPath, onward_uri, "ws://o/base/", path, "/x")

    def test_dots_within_a_name_are_fine(self):
        self.assertEqual(onward_uri("ws://o/", "/x/a..b", "/x"), "ws://o/a..b")

    def test_tls_that_would_have_no_effect_is_told_at_once(self):
        for where in "ws://o/", "localhost:1", "tls:localhost:1":
            failed = self.assertRaises(ValueError, Forward, where, tls="x", reactor=self.clock)
            self.assertIn("tls has no effect", str(failed))
        self.assertRaises(OSError, Forward, "wss://o/", tls="/nowhere", reactor=self.clock)

    def test_a_uri_that_is_none_is_told_at_once(self):
        self.assertRaises(InvalidURI, Forward, "ws://", reactor=self.clock)


class LeavingPathTests(UpstreamTestCase):
    def test_a_request_for_it_is_a_400(self):
        self.serve(mount="/x", where="ws://inner/base/")
        self.assertEqual(self.refused("/x/%2e%2e/a").status_code, 400)
        self.assertEqual(self.inner.attempts, [])

    def test_path_and_query_arrive(self):
        self.serve(mount="/x", where="ws://inner/base/?k=1")
        self.connect("/x/room?token=2")
        self.assertEqual(self.last_request().path, "/base/room?k=1&token=2")

    def test_a_handler_that_calls_it_closes_with_1008(self):
        self.serve()
        self.outer.factory.hooks = None
        ws = self.connect("/../" + "a" * 200)
        self.reactor.result_of(ws.wait_closed())
        self.assertEqual(ws.close_code, 1008)
