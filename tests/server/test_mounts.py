"""`Mounts`: each connection gets to the factory of its path, or to the site."""

from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.logger import capturedLogs, formatEvent
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from twisted.web.static import Data

from tests.support.sides import CLOSE, PING, PONG, REQUEST, TEXT, Peer, RecordedServer, closing
from tests.support.ways import OverTLS, tls
from tests.support.website import PAGE, SiteTestCase, frame, plus
from txws2 import Mounts, WebSocketResource, WebSocketServerFactory, WebSocketService
from txws2.testing import Joined
from txws2.testing.recorder import RecordingTransport


def at(path, request=REQUEST):
    return request.replace(b"/chat", path, 1)


class Upload(Resource):
    """Returns the body of a request."""

    def render_POST(self, request):
        return b"got " + request.content.read()


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


class MountsTestCase(SiteTestCase):
    """Factories at some paths, and perhaps a site with a page.

    Attributes:
        made: the names of the factories, one for each connection that they have made.
    """

    def setUp(self):
        super().setUp()
        self.made = []
        self.root.putChild(b"upload", Upload())

    def factory(self, name="", **options):
        def make():
            self.made.append(name)
            return self.record()

        return WebSocketServerFactory(create_protocol=make, reactor=self.clock, **options)

    def mount(self, *paths, site=None, **options):
        """Mount a factory at each path, and connect a client."""
        self.factories = {path: self.factory(path, **options) for path in paths}
        self.mounts = Mounts(self.factories, site)
        self.connect(self.mounts)

    def connect(self, factory=None):
        super().connect(factory or self.mounts)

    def count(self):
        """Return the counters of each factory, as far as they aren't 0."""
        return [
            (each.counters.connections, each.counters.opened, dict(each.counters.refused))
            for each in self.mounts.factories
        ]

    def assertUntouched(self):
        """Assert that no factory knows of any connection."""
        self.assertEqual({str(each) for each in self.count()}, {"(0, 0, {})"})


class PathTests(MountsTestCase):
    def test_each_path_has_its_factory(self):
        self.mount("/", "/vnc", "/vnc/old")
        for path, owner in {
            b"/": "/",
            b"/x?y=/vnc": "/",
            b"/vnc": "/vnc",
            b"/vnc/": "/vnc",
            b"/vnc/7?x=y": "/vnc",
            b"/vnc/old": "/vnc/old",
            b"/vncs": "/",
            b"/%76nc": "/vnc",
            b"ws://example.com/vnc": "/vnc",
        }.items():
            self.connect()
            self.open(at(path))
            self.assertEqual(self.made.pop(), owner)
            self.leave()

    def test_the_factory_gets_the_whole_path(self):
        self.mount("/", "/vnc")
        self.open(at(b"/vnc/7?x=y"))
        self.assertEqual(self.ws.request.path, "/vnc/7?x=y")

    def test_messages_go_both_ways(self):
        self.mount("/", "/vnc")
        self.open(at(b"/vnc") + frame(TEXT, b"early") + frame(PING, b"x"))
        self.assertEqual(self.said(), [(PONG, b"x")])
        self.assertEqual(self.successResultOf(self.ws.recv()), "early")
        self.hear((TEXT, b"late"))
        self.assertEqual(self.successResultOf(self.ws.recv()), "late")
        self.ws.sendMessage("hi")
        self.assertEqual(self.said(), [(TEXT, b"hi")])

    def test_a_request_may_come_in_pieces_of_any_size(self):
        for site in None, self.root:
            for size in (1, 2, 3, 50, len(REQUEST) - 1, len(REQUEST) + 1):
                self.mount("/chat", site=site)
                self.peer.transport.chop = size
                self.open(REQUEST + frame(TEXT, b"early"))
                self.assertEqual(self.successResultOf(self.ws.recv()), "early")
                self.leave()

    def test_each_factory_has_its_own_options(self):
        chat = self.factory("chat", subprotocols=["chat"])
        other = self.factory("other", subprotocols=["other"], max_connections=1)
        self.mounts = Mounts({"/chat": chat, "/other": other})
        for path in b"/other", b"/chat", b"/chat":
            self.connect()
            headers = self.open(at(path, plus(b"Sec-WebSocket-Protocol: chat, other")))
            self.assertEqual(headers["Sec-WebSocket-Protocol"], path[1:].decode())
        self.connect()
        self.assertStatus("503 Service Unavailable", at(b"/other"))

    def test_the_address_of_the_client_is_there(self):
        self.mount("/chat")
        self.open()
        self.assertEqual(self.ws.remote_address, ("127.0.0.1", 50000))

    def test_one_factory_may_be_at_several_paths(self):
        factory = self.factory()
        self.mounts = Mounts({"/a": factory, "/b": factory})
        self.assertEqual(len(self.mounts.factories), 2)
        for path in b"/a", b"/b":
            self.connect()
            self.open(at(path))
        self.assertEqual(len(factory.connections), 2)
        self.assertEqual(self.mounts.connections, factory.connections)

    def test_a_path_without_a_mount_gets_a_404_and_the_log_has_the_paths(self):
        self.mount("/vnc", "/chats")
        _, body = self.assertStatus("404 Not Found", REQUEST)
        self.assertIn(b"no WebSocket at /chat.", body)
        [event] = [event for event in self.events if "unsaid" in event]
        self.assertEqual(event["advice"], "Mounts() has '/vnc', '/chats'")
        self.assertEqual(self.made, [])

    def test_a_scanner_gets_one_without_a_warning(self):
        self.mount("/vnc")
        self.assertStatus("404 Not Found", PAGE)
        self.assertEqual([event for event in self.events if "unsaid" in event], [])

    def test_counters_are_those_of_all_factories(self):
        self.mount("/", "/vnc")
        self.open(at(b"/vnc"))
        self.hear((TEXT, b"one"))
        self.connect()
        self.open(at(b"/"))
        self.hear((TEXT, b"one"), (TEXT, b"two"))
        self.leave()
        self.connect()
        self.assertStatus("426 Upgrade Required", PAGE)
        self.leave()
        counters = self.mounts.counters
        self.assertEqual(counters.refused, {"InvalidUpgrade": 1})
        self.assertEqual((counters.connections, counters.opened), (1, 2))
        self.assertEqual(counters.messages_in, 3)
        self.assertEqual(counters.closed, {1006: 1})

    def test_a_transport_may_be_wrapped(self):
        """TLS wraps it, and so does the reader of a proxy's PROXY header."""
        self.mount("/chat")
        wrapping = WrappingFactory(self.mounts)
        self.connect(wrapping)
        self.open(REQUEST + frame(TEXT, b"early"))
        self.hear((TEXT, b"late"))
        self.assertIsInstance(self.ws.transport, ProtocolWrapper)
        self.assertEqual(self.successResultOf(self.ws.recv()), "early")
        self.assertEqual(self.successResultOf(self.ws.recv()), "late")
        self.leave()
        self.assertEqual(len(self.ws.lost), 1)
        self.assertEqual(wrapping.protocols, {})

    def test_only_http_1_1_is_offered_over_tls(self):
        self.mount("/chat", site=self.root)
        self.assertTrue(IProtocolNegotiationFactory.providedBy(self.mounts))
        self.assertEqual(self.mounts.acceptableProtocols(), [b"http/1.1"])

    def test_a_protocol_that_can_t_be_made_ends_its_connection_only(self):
        def fail():
            raise ValueError("no luck")

        broken = WebSocketServerFactory(create_protocol=RecordedServer, reactor=self.clock)
        broken.create_protocol = fail
        self.mounts = Mounts({"/chat": broken, "/": self.factory("/")})
        self.connect()
        self.peer.transport.write(REQUEST)
        self.assertRaises(ValueError, self.joined.pump)
        self.joined.pump()
        self.assertFalse(self.server_end.connected)
        self.connect()
        self.open(at(b"/"))


class OverTLSTests(OverTLS, PathTests):
    test_a_transport_may_be_wrapped = None
    test_a_request_may_come_in_pieces_of_any_size = None
    test_a_protocol_that_can_t_be_made_ends_its_connection_only = None


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
        self.start("/chat")
        self.receive(REQUEST[:-2])
        self.connect()
        self.receive(PAGE + REQUEST[:-2])
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


class RefusedTests(MountsTestCase):
    def assertRefused(self, kind, text, *arguments, **options):
        error = self.assertRaises(kind, Mounts, *arguments, **options)
        self.assertIn(text, str(error))

    def test_a_handler_in_place_of_a_factory(self):
        async def echo(ws):
            pass

        self.assertRefused(TypeError, "must have a WebSocketServerFactory", {"/": echo})

    def test_no_mapping(self):
        self.assertRefused(TypeError, "Mounts() takes a mapping", self.factory())

    def test_nothing_at_all(self):
        self.assertRefused(ValueError, "there is neither", {})

    def test_a_site_of_another_kind(self):
        self.assertRefused(TypeError, "site must be a resource", {"/": self.factory()}, "public")

    def test_two_reactors(self):
        factories = {"/": self.factory(), "/x": WebSocketServerFactory(reactor=self.clock)}
        Mounts(factories, reactor=self.clock)
        self.assertRefused(ValueError, "the same reactor", factories, reactor=type(self.clock)())

    def test_a_path_with_a_parameter(self):
        self.assertRefused(ValueError, "has a parameter", {"/{room}": self.factory()})


class ServiceTests(MountsTestCase):
    """`WebSocketService` with a `Mounts`, as twistd runs it."""

    def start(self, *paths, drain=0, **options):
        self.mount(*paths, site=self.root, **options)
        with capturedLogs() as self.logged:
            self.service = WebSocketService("tcp:8000", self.mounts, drain=drain)
            self.service.privilegedStartService()
            self.service.startService()
        self.port = self.clock.tcpServers[-1]
        self.assertIs(self.port[1], self.mounts)
        self.mounts.doStart()
        self.addCleanup(self.finish)

    def finish(self):
        if self.mounts.numPorts:
            self.mounts.doStop()

    def open_at(self, path):
        self.connect()
        self.open(at(path))
        return self.ws, self.joined

    def test_it_listens_with_it(self):
        self.start("/")
        lines = [formatEvent(event) for event in self.logged]
        self.assertIn("listening on http://0.0.0.0:8000/", lines)
        self.assertEqual(len(self.service.addresses), 1)

    def test_without_a_site_its_address_is_that_of_a_websocket(self):
        with capturedLogs() as logged:
            WebSocketService("tcp:8000", Mounts({"/": self.factory()})).startService()
        self.assertIn("listening on ws://0.0.0.0:8000/", [formatEvent(event) for event in logged])

    def test_it_has_the_connections_of_all_factories(self):
        self.start("/a", "/b")
        both = {self.open_at(b"/a")[0], self.open_at(b"/b")[0]}
        self.assertEqual(self.service.connections, both)

    def test_stopping_closes_all_of_them_and_waits(self):
        self.start("/a", "/b")
        (first, one), (second, other) = self.open_at(b"/a"), self.open_at(b"/b")
        stopping = self.service.stopService()
        one.pump()
        self.clock.advance(0)
        self.assertNoResult(stopping)
        for joined in one, other:
            joined.client.transport.write(frame(CLOSE, closing(1001)))
            joined.pump()
            joined.client.transport.loseConnection()
            joined.pump()
        self.clock.advance(0)
        self.successResultOf(stopping)
        self.assertEqual((first.close_code, second.close_code), (1001, 1001))
        self.assertEqual(self.service.connections, set())

    def test_stopping_waits_for_the_requests_that_the_site_has(self):
        page = Slow()
        self.root.putChild(b"slow", page)
        self.start("/chat")
        self.connect()
        self.receive(PAGE.replace(b"/page", b"/slow"))
        stopping = self.service.stopService()
        self.joined.pump()
        self.assertNoResult(stopping)
        page.finish()
        self.joined.pump()
        self.successResultOf(stopping)

    def test_a_connection_that_a_client_keeps_open_for_pages_holds_nobody(self):
        self.start("/chat")
        self.connect()
        self.assertSiteGoesOn()
        stopping = self.service.stopService()
        self.joined.pump()
        self.successResultOf(stopping)

    def test_with_drain_open_connections_go_on_and_new_ones_are_refused(self):
        self.start("/a", "/b", drain=60)
        ws, joined = self.open_at(b"/b")
        self.connect()
        stopping = self.service.stopService()
        self.joined.pump()
        self.assertStatus("503 Service Unavailable", b"")
        self.leave()
        self.assertEqual(ws.state.name, "OPEN")
        self.assertNoResult(stopping)
        self.clock.advance(61)
        self.assertEqual(ws.state.name, "CLOSING")
        joined.client.transport.loseConnection()
        joined.pump()
        self.successResultOf(stopping)

    def test_stopping_now_waits_for_nobody(self):
        self.root.putChild(b"slow", Slow())
        self.start("/chat")
        self.connect()
        self.receive(PAGE.replace(b"/page", b"/slow"))
        stopping = self.service.stopNow()
        self.joined.advance(0)
        self.successResultOf(stopping)
        self.joined.pump()
        self.assertFalse(self.server_end.connected)

    def test_it_can_be_started_again(self):
        self.start("/chat")
        self.service.stopService()
        self.service.startService()
        self.mounts.doStart()
        self.connect()
        self.assertSiteGoesOn()
        self.open()
        self.assertEqual(self.service.connections, {self.ws})

    def test_a_handler_may_wait_for_the_end(self):
        stopped = []

        async def stop(ws):
            await ws.recv()
            await self.service.stopService()
            stopped.append(True)

        self.mounts = Mounts({"/chat": WebSocketServerFactory(stop, reactor=self.clock)})
        self.service = WebSocketService("tcp:8000", self.mounts)
        self.service.startService()
        self.connect()
        self.open()
        self.hear((TEXT, b"stop"))
        self.receive(frame(CLOSE, closing(1001)))
        self.leave()
        self.clock.advance(0)
        self.assertEqual(stopped, [True])

    def serve_waiters(self, *paths, **options):
        """Serve handlers, each of which waits for the end of the service; return their ends."""
        ends = []

        def waiter(path):
            async def wait(ws):
                await ws.recv()
                await self.service.stopService()
                ends.append(path)

            return WebSocketServerFactory(wait, reactor=self.clock)

        self.mounts = Mounts({path: waiter(path) for path in paths})
        self.service = WebSocketService("tcp:8000", self.mounts, **options)
        self.service.startService()
        return ends

    def stop_by(self, *paths, **options):
        """Let a client at each of these paths ask for the end in turn; return the ends."""
        ends = self.serve_waiters(*dict.fromkeys(paths), **options)
        opened = []
        for path in paths:
            self.connect()
            self.receive(at(path.encode()))
            opened.append(self.joined)
        for both in opened:
            both.client.transport.write(frame(TEXT, b"stop"))
            both.pump()
        for both in opened:
            both.client.transport.write(frame(CLOSE, closing(1001)))
            both.pump()
            both.client.transport.loseConnection()
            both.pump()
        self.clock.advance(0)
        return ends

    def test_handlers_of_several_mounts_may_wait_for_the_end(self):
        for paths in ["/a", "/b"], ["/b", "/a"], ["/a", "/b", "/c"], ["/a", "/a", "/b", "/b"]:
            self.assertEqual(sorted(self.stop_by(*paths)), sorted(paths))
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_so_they_may_while_others_drain(self):
        self.assertEqual(sorted(self.stop_by("/a", "/b", drain=None)), ["/a", "/b"])

    def test_a_factory_takes_no_further_options(self):
        mounts = Mounts({"/": self.factory()})
        self.assertRaises(TypeError, WebSocketService, "tcp:80", mounts, max_size=3)
