"""`Mounts`: each connection gets to the factory of its path, or to the site."""

from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.resource import Resource

from tests.support.sides import PING, PONG, REQUEST, TEXT, RecordedServer
from tests.support.ways import OverTLS
from tests.support.website import PAGE, SiteTestCase, frame, plus
from txws2 import Mounts, WebSocketServerFactory


def at(path, request=REQUEST):
    return request.replace(b"/chat", path, 1)


class Upload(Resource):
    """Returns the body of a request."""

    def render_POST(self, request):
        return b"got " + request.content.read()


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
