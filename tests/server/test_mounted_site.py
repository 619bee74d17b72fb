"""`Mounts` with a site: what belongs to it, and WebSockets on connections that it has had."""

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from twisted.web.static import Data

from tests.server.test_mounts import MountsTestCase, at
from tests.support.sides import REQUEST, TEXT
from tests.support.ways import OverTLS
from tests.support.website import PAGE, frame, plus
from txws2 import Mounts, WebSocketResource
from txws2.testing.recorder import RecordingTransport


class Stream(Resource):
    """Writes much, and keeps the calls of a transport that takes no more."""

    isLeaf = True

    def render(self, request):
        self.calls = []
        request.registerProducer(self, True)
        request.write(b"x" * 10**6)
        return NOT_DONE_YET

    def pauseProducing(self):
        self.calls.append("pause")

    def resumeProducing(self):
        self.calls.append("resume")

    def stopProducing(self):
        self.calls.append("stop")


class SiteTests(MountsTestCase):
    def setUp(self):
        super().setUp()
        self.mount("/chat", site=self.root)

    def test_what_is_not_for_a_websocket_is_the_site_s(self):
        self.assertSiteGoesOn()
        self.assertUntouched()
        self.assertEqual(self.made, [])

    def test_so_is_any_other_path(self):
        for request in at(b"/nowhere"), PAGE.replace(b"/page", b"/nowhere"):
            self.connect()
            self.assertStatus("404 Not Found", request)
        self.assertUntouched()

    def test_so_is_a_page_at_the_path_of_a_websocket(self):
        self.root.putChild(b"chat", Data(b"how to chat", "text/plain"))
        _, body = self.assertStatus("200 OK", PAGE.replace(b"/page", b"/chat"))
        self.assertEqual(body, b"how to chat")

    def test_a_request_may_come_in_pieces(self):
        for size in 1, 2, 7:
            self.connect()
            self.peer.transport.chop = size
            self.assertSiteGoesOn()

    def test_a_client_may_ask_again_on_the_same_connection(self):
        self.assertSiteGoesOn()
        self.assertSiteGoesOn()

    def test_requests_may_come_one_right_behind_the_other(self):
        self.receive(PAGE + PAGE)
        self.assertEqual(self.peer.take().count(b"a page"), 2)

    def test_a_body_arrives_whole(self):
        head = b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
        for size in (1, 10**9):
            self.connect()
            self.peer.transport.chop = size
            self.assertEqual(self.assertStatus("200 OK", head + b"hello")[1], b"got hello")

    def test_a_body_may_be_in_chunks(self):
        head = b"POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        _, body = self.assertStatus("200 OK", head + b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")
        self.assertEqual(body, b"got hello")

    def test_a_client_may_wait_for_a_100_before_it_sends_the_body(self):
        self.receive(
            b"POST /upload HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        )
        self.assertEqual(self.peer.take(), b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertEqual(self.assertStatus("200 OK", b"hello")[1], b"got hello")

    def test_http_1_0_is_served(self):
        self.receive(b"GET /page HTTP/1.0\r\n\r\n")
        self.assertTrue(self.peer.take().endswith(b"a page"))
        self.assertFalse(self.server_end.connected)

    def test_its_own_limits_count_for_it(self):
        """Attack 6: an endless head."""
        self.receive(b"GET /page HTTP/1.1\r\n" + b"X-Many: x\r\n" * 200 + b"\r\n")
        self.assertIn(b"200 OK", self.peer.take())
        self.connect()
        self.receive(b"GET /page HTTP/1.1\r\nCookie: " + b"x" * 40_000)
        self.assertFalse(self.server_end.connected)
        self.assertUntouched()

    def test_a_websocket_s_limits_count_for_that(self):
        request = plus(b"Cookie: " + b"x" * 9000)
        self.assertStatus("431 Request Header Fields Too Large", request)
        self.connect()
        endless = REQUEST[:-2] + b"Cookie: " + b"x" * 40_000
        self.assertStatus("431 Request Header Fields Too Large", endless)

    def test_what_is_no_http_is_refused_by_the_site(self):
        self.receive(b"nonsense\r\n\r\n")
        self.assertIn(b"400 Bad Request", self.peer.take())
        self.assertUntouched()

    def test_tls_to_a_plain_port_is_explained(self):
        _, body = self.assertStatus("400 Bad Request", b"\x16\x03\x01\x02\x00\x01")
        self.assertIn(b"expected a request, got TLS", body)

    def test_a_proxy_that_removes_upgrade_is_explained(self):
        request = REQUEST.replace(b"Upgrade: websocket\r\nConnection: Upgrade\r\n", b"")
        self.assertStatus("426 Upgrade Required", request)

    def test_a_client_that_does_not_read_pauses_it(self):
        """Attack 12: a peer that reads nothing while we send."""
        stream = Stream()
        self.root.putChild(b"stream", stream)
        self.peer.transport.pauseProducing()
        self.receive(PAGE.replace(b"/page", b"/stream"))
        self.assertEqual(stream.calls, ["pause"])
        self.peer.transport.resumeProducing()
        self.joined.pump()
        self.assertEqual(stream.calls, ["pause", "resume"])

    def test_its_own_timeout_ends_a_connection_that_is_idle(self):
        self.mounts.doStart()
        self.addCleanup(self.mounts.doStop)
        self.assertSiteGoesOn()
        self.joined.advance(59)
        self.assertTrue(self.server_end.connected)
        self.joined.advance(2)
        self.assertFalse(self.server_end.connected)

    def test_its_requests_are_not_logged(self):
        self.mounts.doStart()
        self.addCleanup(self.mounts.doStop)
        before = len(self.events)
        self.assertSiteGoesOn()
        self.assertEqual(self.events[before:], [])

    def test_a_site_of_the_application_logs_them(self):
        path = self.mktemp()
        self.mounts = Mounts(
            {"/chat": self.factory()}, Site(self.root, logPath=path, reactor=self.clock)
        )
        self.mounts.doStart()
        self.connect()
        self.assertSiteGoesOn()
        self.mounts.doStop()
        with open(path) as log:
            self.assertIn('"GET /page HTTP/1.1" 200', log.read())

    def test_it_may_be_all_there_is(self):
        self.mounts = Mounts({}, self.root, reactor=self.clock)
        self.connect()
        self.assertSiteGoesOn()

    def test_its_root_may_be_a_leaf(self):
        class Leaf(Resource):
            isLeaf = True

            def render(self, request):
                return b"/".join(request.postpath)

        self.mount("/chat", site=Leaf())
        _, body = self.assertStatus("200 OK", PAGE.replace(b"/page", b"/a/b?c"))
        self.assertEqual(body, b"a/b")
        self.open()

    def test_its_own_websockets_have_the_paths_that_no_mount_has(self):
        resource = WebSocketResource(create_protocol=self.record, reactor=self.clock)
        self.root.putChild(b"own", resource)
        self.open(at(b"/own"))
        self.assertEqual(list(resource.factory.connections), [self.ws])


class SiteOverTLS(OverTLS):
    def setUp(self):
        # twisted.web calls this on what claims to be TCP, as TLS does.
        RecordingTransport.setTcpNoDelay = lambda *_: None
        self.addCleanup(delattr, RecordingTransport, "setTcpNoDelay")
        super().setUp()


class SiteOverTLSTests(SiteOverTLS, SiteTests):
    # A client that doesn't read keeps TLS from it, too.
    test_a_client_that_does_not_read_pauses_it = None
    # The pieces would be those of TLS.
    test_a_request_may_come_in_pieces = None
    # The site waits for the peer to end TLS.
    test_its_own_limits_count_for_it = None


class LaterTests(MountsTestCase):
    """A connection that was open for pages asks for a WebSocket."""

    def setUp(self):
        super().setUp()
        self.mount("/", "/vnc", site=self.root)

    def test_each_path_has_its_factory(self):
        for path, owner in {b"/chat": "/", b"/vnc/7": "/vnc", b"/page": "/"}.items():
            self.connect()
            self.assertSiteGoesOn()
            self.open(at(path) + frame(TEXT, b"early"))
            self.assertEqual(self.made.pop(), owner)
            self.assertEqual(self.successResultOf(self.ws.recv()), "early")
            self.leave()

    def test_the_request_may_come_right_behind_another(self):
        self.receive(PAGE + at(b"/vnc") + frame(TEXT, b"early"))
        rest = self.peer.take().partition(b"a page")[2]
        self.assertTrue(rest.startswith(b"HTTP/1.1 101 "))
        self.assertEqual(self.successResultOf(self.ws.recv()), "early")

    def test_a_malformed_one_is_refused_as_the_first_would_be(self):
        self.assertSiteGoesOn()
        self.assertStatus("426 Upgrade Required", REQUEST.replace(b"Upgrade: websocket\r\n", b""))


class LaterOverTLSTests(SiteOverTLS, LaterTests):
    pass
