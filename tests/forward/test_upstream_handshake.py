"""WebSocket to WebSocket: one opening handshake stands for the other."""

from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, Protocol

import txws2
from tests.support.sides import REQUEST
from tests.support.upstreams import UpstreamTestCase
from tests.support.website import SiteTestCase
from txws2 import Response
from txws2.forward import Forward
from txws2.server.hooks import gather_hooks
from txws2.testing import Joined, Refuse, Silence
from txws2.wire.handshake.server import acceptance
from txws2.wire.http.heads import Request


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
        self.serve(Forward("ws://127.0.0.1:8001/", path="/chat", reactor=self.clock))
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
