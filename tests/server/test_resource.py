"""A WebSocket among the resources of a twisted.web site: requests accepted and refused."""

from unittest import mock

from twisted.internet.defer import Deferred
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.http import HTTPChannel
from twisted.web.server import Request as SiteRequest
from twisted.web.server import Site
from twisted.web.util import DeferredResource

from tests.support.sides import BINARY, PING, PONG, REQUEST, TEXT, Peer
from tests.support.ways import tls
from tests.support.website import PAGE, SiteTestCase, frame, plus
from txws2 import InvalidHandshake, State, WebSocketResource, WebSocketServerFactory
from txws2.testing import Joined
from txws2.testing.recorder import RecordingTransport


class OpenTests(SiteTestCase):
    def test_the_sample_of_the_rfc_is_answered_as_there(self):
        self.serve()
        headers = self.open()
        self.assertEqual(headers["Sec-WebSocket-Accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        self.assertEqual((headers["Upgrade"], headers["Connection"]), ("websocket", "Upgrade"))
        self.assertNotIn("Transfer-Encoding", headers)

    def test_a_handler_echoes(self):
        async def echo(ws):
            async for message in ws:
                await ws.send(message)

        self.serve(echo)
        self.open()
        self.hear((TEXT, b"hello"), (BINARY, b"\0"))
        self.assertEqual(self.said(), [(TEXT, b"hello"), (BINARY, b"\0")])

    def test_a_protocol_is_called(self):
        self.serve()
        self.open()
        self.hear((PING, b"x"))
        self.assertEqual((self.ws.opened, self.ws.pinged), (1, [b"x"]))

    def test_a_factory_brings_its_options(self):
        factory = WebSocketServerFactory(
            create_protocol=self.record, subprotocols=["chat"], reactor=self.clock
        )
        self.root.putChild(b"chat", WebSocketResource(factory))
        self.site = Site(self.root, reactor=self.clock)
        self.connect()
        headers = self.open(plus(b"Sec-WebSocket-Protocol: chat"))
        self.assertEqual(headers["Sec-WebSocket-Protocol"], "chat")
        self.assertEqual(list(factory.connections), [self.ws])

    def test_a_factory_takes_no_further_options(self):
        factory = WebSocketServerFactory(reactor=self.clock)
        self.assertRaises(TypeError, WebSocketResource, factory, subprotocols=["chat"])
        self.assertRaises(TypeError, WebSocketResource, factory, reactor=self.clock)

    def test_options_are_those_of_the_factory(self):
        resource = WebSocketResource(reactor=self.clock, max_size=5, compression=None)
        self.assertEqual((resource.factory.max_size, resource.factory.compression), (5, None))
        self.assertRaises(ValueError, WebSocketResource, reactor=self.clock, max_size=-1)

    def test_paths_below_it_are_its_own(self):
        self.serve()
        self.open(REQUEST.replace(b"/chat", b"/chat/room/7?x=y"))
        self.assertEqual(self.ws.request.path, "/chat/room/7?x=y")
        self.assertEqual(self.ws.site_request.postpath, [b"room", b"7"])
        self.assertEqual(self.ws.site_request.args, {b"x": [b"y"]})

    def test_addresses_request_and_response_are_there(self):
        self.serve()
        self.open()
        self.assertEqual(self.ws.remote_address, ("127.0.0.1", 50000))
        self.assertEqual(self.ws.local_address, ("127.0.0.1", 80))
        self.assertEqual(self.ws.request.headers["Host"], "example.com")
        self.assertEqual(self.ws.response.status_code, 101)

    def test_a_connection_may_be_kept_open_before_it_is_upgraded(self):
        self.serve()
        self.assertSiteGoesOn()
        self.open()
        self.hear((TEXT, b"hello"))
        self.assertEqual(self.successResultOf(self.ws.recv()), "hello")

    def test_the_request_may_come_right_behind_another(self):
        self.serve()
        self.receive(PAGE + REQUEST + frame(TEXT, b"early"))
        page, _, rest = self.peer.take().partition(b"a page")
        self.assertIn(b"200 OK", page)
        self.assertTrue(rest.startswith(b"HTTP/1.1 101 "))
        self.assertEqual(self.successResultOf(self.ws.recv()), "early")

    def test_a_transport_may_be_wrapped(self):
        """TLS wraps it, and so does the reader of a proxy's PROXY header."""
        self.serve()
        wrapping = WrappingFactory(self.site)
        self.connect(wrapping)
        self.open(REQUEST + frame(TEXT, b"early"))
        self.hear((TEXT, b"late"))
        self.assertIsInstance(self.ws.transport, ProtocolWrapper)
        self.assertEqual(self.successResultOf(self.ws.recv()), "early")
        self.assertEqual(self.successResultOf(self.ws.recv()), "late")
        self.leave()
        self.assertEqual(len(self.ws.lost), 1)
        self.assertEqual(wrapping.protocols, {})

    def test_a_transport_may_have_turned_to_tls(self):
        """The site's transport then has a wrapper below it, which it doesn't know of."""
        self.serve()
        self.connect()
        end = self.server_end
        wrapper = end.protocol = ProtocolWrapper(WrappingFactory(self.site), end.protocol)
        self.open()
        self.assertIs(end.protocol, wrapper)
        self.assertIs(wrapper.wrappedProtocol, self.ws)
        self.hear((TEXT, b"hello"))
        self.assertEqual(self.successResultOf(self.ws.recv()), "hello")

    def test_debugging_shows_the_request(self):
        self.serve(debug=True)
        self.open()
        lines = [event["text"] for event in self.events if event.get("sign") in ("<", ">")]
        self.assertIn("GET /chat HTTP/1.1", lines)
        self.assertIn("HTTP/1.1 101 Switching Protocols", lines)


class EarlyTests(SiteTestCase):
    """T5: bytes that a client sends before it has the response aren't lost."""

    def test_frames_of_the_same_read_are_kept(self):
        self.serve()
        self.open(REQUEST + frame(TEXT, b"early") + frame(PING, b"x"))
        self.assertEqual(self.successResultOf(self.ws.recv()), "early")
        self.assertEqual(self.said(), [(PONG, b"x")])

    def test_frames_may_come_in_pieces_of_any_size(self):
        for size in (1, 2, 3, 50, len(REQUEST) - 1, len(REQUEST) + 1):
            self.serve()
            self.peer.transport.chop = size
            self.open(REQUEST + frame(TEXT, b"early") + frame(TEXT, b"late"))
            self.assertEqual(self.successResultOf(self.ws.recv()), "early")
            self.assertEqual(self.successResultOf(self.ws.recv()), "late")

    def test_frames_that_come_while_the_site_looks_for_the_resource_are_kept(self):
        found = Deferred()
        resource = self.serve(wrap=lambda resource: DeferredResource(found))
        self.receive(REQUEST + frame(TEXT, b"one"))
        self.receive(frame(TEXT, b"two"))
        self.assertEqual((self.peer.take(), self.opened), (b"", []))
        found.callback(resource)
        self.joined.pump()
        self.assertEqual(self.successResultOf(self.ws.recv()), "one")
        self.assertEqual(self.successResultOf(self.ws.recv()), "two")

    def test_early_bytes_are_not_for_the_site_any_more(self):
        """The site would read it as a request that no proxy has seen."""
        found = Deferred()
        resource = self.serve(wrap=lambda resource: DeferredResource(found))
        asked = []
        self.root.getChild = lambda path, request: asked.append(path)
        self.receive(REQUEST)
        self.receive(PAGE.replace(b"page", b"else"))
        found.callback(resource)
        self.leave()
        self.assertEqual(len(self.ws.lost), 1)
        self.assertEqual(asked, [])

    def test_a_client_that_left_while_the_site_looked_is_let_go(self):
        found = Deferred()
        resource = self.serve(wrap=lambda resource: DeferredResource(found))
        self.receive(REQUEST)
        self.leave()
        found.callback(resource)
        self.assertEqual(self.opened, [])

    def test_more_than_the_site_keeps_stays_with_the_client(self):
        deciding = Deferred()
        self.serve(process_request=lambda *_: deciding)
        self.receive(REQUEST)
        self.receive(frame(TEXT, b"x" * 20000))
        self.assertTrue(self.server_end.paused)
        self.receive(frame(TEXT, b"late"))
        deciding.callback(None)
        self.assertFalse(self.server_end.paused)
        self.joined.pump()
        self.assertEqual(self.successResultOf(self.ws.recv()), "x" * 20000)
        self.assertEqual(self.successResultOf(self.ws.recv()), "late")


class RefuseTests(SiteTestCase):
    """A refusal is an ordinary response; the client goes on with HTTP if it asked for that."""

    def assertRefused(self, expected, request, **options):
        self.serve(**options)
        headers, body = self.assertStatus(expected, request)
        self.assertEqual(int(headers["Content-Length"]), len(body))
        self.assertIn("TwistedWeb", headers["Server"])
        if b"Upgrade:" in request:
            self.assertIn("close", headers["Connection"].split(", "))
            self.assertOver()
        else:
            self.assertNotIn("close", headers.get("Connection", ""))
            self.assertSiteGoesOn()
        self.assertEqual(self.ws.state, State.CLOSED)
        return headers, body

    def test_a_browser_that_opens_it_as_a_page_gets_an_explanation(self):
        request = PAGE.replace(b"page", b"chat")
        headers, body = self.assertRefused("426 Upgrade Required", request)
        self.assertEqual((headers["Upgrade"], headers["Connection"]), ("websocket", "Upgrade"))
        self.assertIn(b"it can't be opened as a web page", body)

    def test_a_page_is_not_redirected(self):
        """A4: Autobahn's status page redirects to an address in the URL."""
        request = b"GET /chat?redirect=https://evil.example&after=0 HTTP/1.1\r\nHost: x\r\n\r\n"
        headers, body = self.assertRefused("426 Upgrade Required", request)
        self.assertFalse({"Location", "Refresh"} & set(headers))
        self.assertNotIn(b"evil", body)

    def test_the_refusal_of_another_version_names_ours(self):
        """T13."""
        for version in (b"8", b"14"):
            request = REQUEST.replace(b"Version: 13", b"Version: " + version)
            headers, _ = self.assertRefused("400 Bad Request", request)
            self.assertEqual(headers["Sec-WebSocket-Version"], "13")

    def test_a_foreign_origin_is_403(self):
        """T6."""
        request = plus(b"Origin: https://evil.example")
        self.assertRefused("403 Forbidden", request, origins=["https://example.com"])
        self.open(plus(b"Origin: https://example.com"))

    def test_another_method_is_405(self):
        for method in (b"PUT", b"DELETE", b"X"):
            request = REQUEST.replace(b"GET", method)
            headers, _ = self.assertRefused("405 Method Not Allowed", request)
            self.assertEqual(headers["Allow"], "GET")

    def test_a_form_that_is_sent_is_405(self):
        self.serve()
        head = b"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
        self.assertStatus("405 Method Not Allowed", head + b"hello")
        self.assertSiteGoesOn()

    def test_the_answer_to_head_has_no_body(self):
        self.serve()
        _, body = self.assertStatus("405 Method Not Allowed", REQUEST.replace(b"GET", b"HEAD"))
        self.assertEqual(body, b"")
        self.assertOver()
        self.assertStatus(
            "405 Method Not Allowed", b"HEAD /chat HTTP/1.1\r\nHost: example.com\r\n\r\n"
        )
        self.assertSiteGoesOn()

    def test_a_body_is_refused(self):
        self.serve()
        self.assertStatus("400 Bad Request", plus(b"Content-Length: 5") + b"hello")
        self.assertOver()
        request = plus(b"Transfer-Encoding: chunked") + b"0\r\n\r\n"
        self.assertStatus("400 Bad Request", request + PAGE[:9])
        self.assertOver()

    def test_old_http_is_505(self):
        self.serve()
        self.ask(REQUEST.replace(b"HTTP/1.1", b"HTTP/1.0"))
        self.assertEqual(self.ws.response.status_code, 505)

    def test_a_client_that_wants_to_end_is_let_end(self):
        self.serve()
        request = PAGE.replace(b"page", b"chat").replace(
            b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"
        )
        headers, _ = self.assertStatus("426 Upgrade Required", request)
        self.assertEqual(headers["Connection"], "close, Upgrade")
        self.assertFalse(self.server_end.connected)

    def test_a_request_that_no_site_would_read_does_not_get_here(self):
        """A5: the site has limits of its own."""
        self.serve()
        self.receive(REQUEST[:-2] + b"X: x\r\n" * 10000 + b"\r\n")
        self.assertTrue(self.peer.take().startswith(b"HTTP/1.1 400 "))
        self.assertEqual(self.opened, [])

    def test_a_request_may_be_as_long_as_the_site_permits(self):
        """The cookies behind a single sign-on can be as long."""
        self.serve()
        cookie = plus(b"Cookie: a=" + b"x" * 15_000)
        self.open(cookie)
        self.assertEqual(len(self.ws.request.cookies["a"]), 15_000)
        self.connect()
        self.open(plus(*[b"X: x"] * 400))

    def test_a_channel_may_let_it_be_longer(self):
        self.serve()
        self.patch(HTTPChannel, "totalHeadersSize", 2**17)
        self.patch(HTTPChannel, "MAX_LENGTH", 2**17)
        self.patch(HTTPChannel, "maxHeaders", 2000)
        self.open(plus(b"Cookie: a=" + b"x" * 100_000, *[b"X: x"] * 1500))
        self.assertEqual(len(self.ws.request.cookies["a"]), 100_000)

    def test_our_limits_hold_if_they_are_given(self):
        too_large = "431 Request Header Fields Too Large"
        self.assertRefused(too_large, plus(b"X: " + b"x" * 900), max_line_size=900)
        self.assertRefused(too_large, plus(*[b"X: x"] * 10), max_headers=14)
        request = REQUEST.replace(b"/chat", b"/chat?" + b"x" * 900)
        self.assertRefused("414 URI Too Long", request, max_line_size=900)

    def test_a_factory_brings_its_own_limits(self):
        factory = WebSocketServerFactory(create_protocol=self.record, reactor=self.clock)
        self.root.putChild(b"chat", WebSocketResource(factory))
        self.site = Site(self.root, reactor=self.clock)
        self.connect()
        self.assertStatus("431 Request Header Fields Too Large", plus(b"X: " + b"x" * 9000))

    def test_a_fragment_is_400(self):
        self.serve()
        self.assertStatus("400 Bad Request", REQUEST.replace(b"/chat", b"/chat/room#a"))
        self.assertOver()

    def test_a_request_for_another_server_is_405(self):
        self.serve()
        for target in (b"example.com:443", b"[::1]:80"):
            self.site.resource = WebSocketResource(reactor=self.clock)
            request = b"CONNECT %b HTTP/1.1\r\nHost: example.com\r\n\r\n" % target
            self.assertStatus("405 Method Not Allowed", request)

    def test_an_empty_line_before_it_is_skipped(self):
        self.serve()
        self.open(b"\r\n" + REQUEST)

    def test_a_zone_may_be_part_of_the_host(self):
        for host in (b"[fe80::1%25eth0]", b"[fe80::1%eth0]:80"):
            self.serve(hosts=["fe80::1"])
            self.open(REQUEST.replace(b"example.com", host))

    def test_a_host_that_is_not_ours_is_421(self):
        """DNS rebinding."""
        self.serve(hosts=["localhost"])
        _, body = self.assertStatus("421 Misdirected Request", REQUEST)
        self.assertIn(
            b"doesn't answer for the host 'example.com': that isn't among its hosts", body
        )
        self.assertOver()
        self.open(REQUEST.replace(b"example.com", b"localhost:8000"))

    def test_requests_behind_one_for_an_upgrade_are_not_answered(self):
        """A proxy in front may have taken them for the inside of a tunnel."""
        request = REQUEST.replace(b"Version: 13", b"Version: 8")
        for behind in (PAGE, REQUEST, request * 3, b"\r\n" + PAGE, frame(TEXT, PAGE)):
            for chop in (None, 1, len(request) + 1):
                self.serve()
                if chop is not None:
                    self.peer.transport.chop = chop
                self.receive(request + behind)
                answers = self.peer.take()
                self.assertTrue(answers.startswith(b"HTTP/1.1 400 Bad Request\r\n"))
                self.assertIn(b"\r\nConnection: close\r\n", answers)
                self.assertEqual(answers.count(b"HTTP/1.1 "), 1)
                self.assertOver()

    def test_another_upgrade_ends_the_connection_too(self):
        self.serve()
        request = PAGE.replace(b"page", b"chat").replace(b"\r\n\r\n", b"\r\nUpgrade: h2c\r\n\r\n")
        headers, _ = self.assertStatus("426 Upgrade Required", request)
        self.assertEqual(headers["Connection"], "close, Upgrade")
        self.assertOver()

    def test_one_that_is_accepted_does_not_end_with_the_request(self):
        """It doesn't either if other code finishes the request."""
        self.serve()
        self.open(REQUEST.replace(b"Connection: Upgrade", b"Connection: Upgrade, close"))
        self.ws.site_request.finish()
        self.hear((TEXT, b"hello"))
        self.assertEqual(self.successResultOf(self.ws.recv()), "hello")
        self.assertTrue(self.server_end.connected)

    def test_over_tls_it_is_the_same(self):
        self.serve()
        peer = Peer()
        ends = tls(self.site.buildProtocol(None), peer, self.clock)
        # TLS claims to be TCP, whatever is below.
        with mock.patch.object(RecordingTransport, "setTcpNoDelay", create=True):
            self.joined = Joined(*ends, self.clock)
        self.joined.pump()
        peer.transport.write(REQUEST.replace(b"Version: 13", b"Version: 8") + PAGE)
        self.joined.pump()
        answers = peer.take()
        self.assertTrue(answers.startswith(b"HTTP/1.1 400 Bad Request\r\n"))
        self.assertIn(b"\r\nConnection: close\r\n", answers)
        self.assertEqual(answers.count(b"HTTP/1.1 "), 1)
        self.assertEqual(len(peer.lost), 1)

    def test_a_waiter_for_the_opening_fails(self):
        self.serve()
        self.assertStatus("426 Upgrade Required", PAGE.replace(b"page", b"chat"))
        self.failureResultOf(self.ws.wait_opened(), InvalidHandshake)
        self.successResultOf(self.ws.wait_closed())
        self.assertEqual(len(self.ws.lost), 1)


class HTTP2Request(SiteRequest):
    """Looks like a request on a stream of HTTP/2."""

    def requestReceived(self, command, path, version):
        super().requestReceived(command, path, b"HTTP/2")


class HTTP2Tests(SiteTestCase):
    def test_it_is_refused(self):
        self.serve()
        self.site.requestFactory = HTTP2Request
        self.connect()
        self.receive(REQUEST)
        answer = self.peer.take()
        self.assertTrue(answer.startswith(b"HTTP/2 505 "))
        self.assertIn(b"the protocol must be HTTP/1.1; it is HTTP/2.0", answer)
        # RFC 9113 section 8.2.2: connection-specific headers aren't allowed.
        self.assertNotIn(b"Connection:", answer)
        self.assertNotIn(b"Upgrade:", answer)
