"""`Mounts` at its end: clients that come too late, ports that close, a service that stops."""

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from tests.server.test_mounts import MountsTestCase
from tests.support.sides import REQUEST, Peer
from tests.support.ways import tls
from tests.support.website import PAGE
from txws2.testing import Joined


class TooLateTests(MountsTestCase):
    """Attack 5: clients that send no request, or part of one."""

    def test_a_client_without_a_request_is_refused(self):
        for sent in b"", b"GET /chat HTT", REQUEST[:-1]:
            self.mount("/chat", site=self.root, open_timeout=5)
            self.receive(sent)
            self.joined.advance(4)
            self.assertEqual(self.peer.take(), b"")
            self.joined.advance(2)
            self.assertStatus("408 Request Timeout", b"")
            self.leave()
            self.assertFalse(self.server_end.connected)
            self.assertNothingLeft()

    def test_without_a_site_so_is_one_with_part_of_a_request(self):
        self.mount("/chat", open_timeout=5)
        self.receive(REQUEST[:-1])
        self.joined.advance(6)
        self.assertStatus("408 Request Timeout", b"")

    def test_a_request_that_has_been_handed_over_has_the_limits_of_its_owner(self):
        self.mount("/chat", site=self.root, open_timeout=5)
        self.open()
        self.connect()
        self.receive(b"POST /upload HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel")
        self.joined.advance(11)
        self.assertEqual(self.ws.state.name, "OPEN")
        self.assertTrue(self.server_end.connected)

    def test_a_client_that_never_ends_the_handshake_of_tls_is_gone(self):
        self.mount("/chat", site=self.root, open_timeout=5, close_timeout=5)
        server, _ = tls(self.mounts.buildProtocol(None), Peer(), self.clock)
        self.joined = Joined(server, Peer(), self.clock)
        self.joined.advance(4)
        self.assertTrue(self.joined.server_transport.connected)
        self.joined.advance(2)
        self.assertFalse(self.joined.server_transport.connected)

    def test_a_site_that_takes_no_connection_ends_it(self):
        class Closed(Site):
            def buildProtocol(self, addr):
                return None

        self.mount("/chat", site=Closed(self.root, reactor=self.clock))
        self.receive(PAGE)
        self.assertFalse(self.server_end.connected)
        self.connect()
        self.open()

    def test_there_may_be_no_limit(self):
        self.mount("/chat", open_timeout=None)
        self.joined.advance(100)
        self.open()

    def test_a_client_that_leaves_without_a_request_is_forgotten(self):
        self.mount("/chat", site=self.root)
        self.receive(b"GET /")
        self.leave()
        self.assertNothingLeft()
        self.assertUntouched()

    def test_no_more_is_kept_than_the_limits_of_a_head(self):
        """Attack 6: an endless head."""
        self.mount("/chat")
        self.receive(b"GET /" + b"x" * 30_000)
        self.assertStatus("414 URI Too Long", b"")
        self.mount("/chat")
        self.receive(b"\r\n" * 20_000)
        self.assertIn(b" 400 Bad Request", self.peer.take())


class StopTests(MountsTestCase):
    def start(self, *paths, **options):
        self.mount(*paths, site=self.root, **options)
        self.mounts.doStart()

    def test_each_factory_knows_that_it_is_listened_for(self):
        self.start("/a", "/b")
        self.assertEqual([each.numPorts for each in self.mounts.factories], [1, 1, 1])
        self.mounts.doStop()
        self.assertEqual([each.numPorts for each in self.mounts.factories], [0, 0, 0])
        self.joined.pump()
        self.leave()
        self.assertNothingLeft()

    def test_a_client_whose_request_has_not_come_gets_a_503(self):
        for sent in b"", b"GET /chat", REQUEST[:-1]:
            self.start("/chat")
            self.receive(sent)
            self.mounts.doStop()
            self.joined.pump()
            self.assertStatus("503 Service Unavailable", b"")

    def test_an_idle_connection_of_the_site_ends_at_once(self):
        self.start("/chat")
        self.assertSiteGoesOn()
        self.mounts.doStop()
        self.joined.pump()
        self.assertFalse(self.server_end.connected)
        self.assertNothingLeft()

    def test_a_request_that_has_begun_is_answered(self):
        page = Slow()
        self.root.putChild(b"slow", page)
        self.start("/chat")
        self.receive(PAGE.replace(b"/page", b"/slow"))
        self.mounts.doStop()
        self.joined.pump()
        self.assertTrue(self.server_end.connected)
        page.finish()
        self.joined.pump()
        headers, body = self.assertStatus("200 OK", b"")
        self.assertEqual((headers["Connection"], body), ("close", b"slow"))
        self.assertFalse(self.server_end.connected)
        self.assertNothingLeft()

    def test_so_is_one_whose_body_is_still_to_come(self):
        self.start("/chat")
        self.receive(b"POST /upload HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel")
        self.mounts.doStop()
        _, body = self.assertStatus("200 OK", b"lo")
        self.assertEqual(body, b"got hello")
        self.assertFalse(self.server_end.connected)

    def test_one_that_is_not_answered_in_time_is_given_up(self):
        self.root.putChild(b"slow", Slow())
        self.start("/chat", close_timeout=3)
        self.receive(PAGE.replace(b"/page", b"/slow"))
        self.mounts.doStop()
        self.joined.advance(2)
        self.assertTrue(self.server_end.connected)
        self.joined.advance(2)
        self.assertFalse(self.server_end.connected)
        self.assertNothingLeft()

    def test_a_websocket_that_was_a_connection_of_the_site_stays_open(self):
        self.start("/chat")
        self.assertSiteGoesOn()
        self.open()
        self.mounts.doStop()
        self.joined.pump()
        self.assertEqual(self.ws.state.name, "OPEN")

    def test_a_request_for_one_on_an_open_connection_is_refused_then(self):
        self.root.putChild(b"slow", Slow())
        for path in b"/chat", b"/chat/room/7":
            self.start("/chat")
            self.receive(PAGE + REQUEST[:-2].replace(b"/chat", path))
            self.peer.take()
            self.mounts.doStop()
            self.joined.pump()
            self.assertStatus("503 Service Unavailable", b"\r\n")

    def test_it_may_begin_again(self):
        self.start("/chat")
        self.mounts.doStop()
        self.mounts.doStart()
        self.connect()
        self.assertSiteGoesOn()
        self.assertSiteGoesOn()
        self.open()


class Slow(Resource):
    """Answers when it is told to."""

    isLeaf = True

    def render(self, request):
        self.request = request
        return NOT_DONE_YET

    def finish(self):
        self.request.setHeader("Content-Length", "4")
        self.request.write(b"slow")
        self.request.finish()
