"""A site with WebSockets and other resources, as `websockets` and a browser see it."""

import json
import select

from klein import Klein
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.protocol import Factory
from twisted.internet.ssl import PrivateCertificate
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import TestCase
from twisted.web.guard import BasicCredentialFactory, HTTPAuthSessionWrapper
from twisted.web.http import H2_ENABLED
from twisted.web.resource import EncodingResourceWrapper, IResource, Resource
from twisted.web.server import GzipEncoderFactory, Site
from twisted.web.static import File
from twisted.web.wsgi import WSGIResource

import txws2
from tests.client.test_insecure import self_signed
from tests.interop.cases import FragmentCases
from tests.interop.chromium import see
from tests.interop.directions import settings
from tests.interop.peer_process import HERE, start_peer
from tests.interop.sides import OurServerCases
from txws2._transport import epoll_sharing as sharing
from txws2._transport.epoll import StandIn
from txws2.client.insecure import InsecureTLS

HOST = "127.0.0.1"


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class Realm:
    """Everybody gets the same resource."""

    def __init__(self, resource):
        self._resource = resource

    def requestAvatar(self, avatar_id, mind, *interfaces):
        return IResource, self._resource, lambda: None


def hello_from_wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"from a thread"]


class SiteTestCase(TestCase):
    """A site of files, Klein, WSGI and WebSockets, on one port.

    Attributes:
        reported: fires with what the page has seen.
    """

    timeout = 60

    def setUp(self):
        self.reported = Deferred()
        self.chat = self.websocket(subprotocols=["chat"], compression="deflate")
        root = File(str(HERE / "pages"))
        root.putChild(b"chat", self.chat)
        root.putChild(b"session", self.websocket(self.tell_session))
        root.putChild(b"private", self.guarded(self.websocket()))
        self.compressing = self.websocket()
        root.putChild(
            b"compressing", EncodingResourceWrapper(self.compressing, [GzipEncoderFactory()])
        )
        root.putChild(b"api", self.api().resource())
        root.putChild(b"wsgi", self.wsgi())
        self.site = Site(root)

    def websocket(self, handler=echo, **options):
        resource = txws2.WebSocketResource(handler, reactor=reactor, **options)
        self.addCleanup(resource.close)
        return resource

    async def tell_session(self, ws):
        async for _ in ws:
            await ws.send(ws.site_request.getSession().uid.decode())

    def guarded(self, resource):
        checker = InMemoryUsernamePasswordDatabaseDontUse(me=b"secret")
        portal = Portal(Realm(resource), [checker])
        return HTTPAuthSessionWrapper(portal, [BasicCredentialFactory(b"the club")])

    def wsgi(self):
        pool = ThreadPool(0, 1)
        pool.start()
        self.addCleanup(pool.stop)
        return WSGIResource(reactor, pool, hello_from_wsgi)

    def api(self):
        app = Klein()
        rooms = self.websocket()

        @app.route("/session")
        def session(request):
            session = request.getSession()
            self.addCleanup(session.expire)
            return session.uid

        @app.route("/hello/<name>")
        def hello(request, name):
            return f"Hello, {name}!"

        @app.route("/rooms/<int:number>/socket")
        async def room(request, number):
            return rooms

        @app.route("/stop")
        def stop(request):
            self.chat.close()

        @app.route("/report", methods=["POST"])
        def report(request):
            self.reported.callback(json.load(request.content))

        return app

    def listen(self):
        port = reactor.listenTCP(0, self.site, interface=HOST)
        self.addCleanup(port.stopListening)
        return f"{HOST}:{port.getHost().port}"

    def listen_tls(self):
        certificate = PrivateCertificate.loadPEM(self_signed(HOST))
        port = reactor.listenSSL(0, self.site, certificate.options(), interface=HOST)
        self.addCleanup(port.stopListening)
        return f"{HOST}:{port.getHost().port}"


class BrowserTests(SiteTestCase):
    def assertAllIsWell(self, seen, page=426):
        closed = {"code": 1000, "reason": "bye", "wasClean": True}
        failed = {"opened": False, "received": [], "code": 1006, "reason": "", "wasClean": False}
        opened = {"opened": True, "protocol": "", "compressed": True, **closed}
        chat = {**opened, "protocol": "chat", "received": ["Grüße, 世界 🎉", [0, 1, 255], 2**17]}
        self.assertEqual(seen["chat"], chat)
        self.assertEqual(seen["stranger"], failed)
        self.assertEqual(seen["routed"], {**opened, "received": ["hello"]})
        self.assertEqual(seen["visitor"], {**opened, "received": [seen["session"]]})
        self.assertEqual(seen["nobody"], failed)
        self.assertEqual(seen["member"], {**opened, "received": ["hello"]})
        self.assertEqual((seen["api"], seen["wsgi"]), ("Hello, you!", "from a thread"))
        self.assertEqual(seen["page"], page)
        # T12: the connection is closed properly when the site stops.
        stopped = seen["stopped"]
        self.assertEqual((stopped["code"], stopped["wasClean"]), (1001, True))

    async def test_a_browser_opens_them_beside_all_else(self):
        self.assertAllIsWell(
            await see(self, f"http://{self.listen()}/resource.html", self.reported)
        )

    async def test_a_browser_opens_them_over_tls(self):
        seen = await see(self, f"https://{self.listen_tls()}/resource.html", self.reported)
        # A browser loads pages over HTTP/2 if it can, and opens WebSockets beside it.
        self.assertAllIsWell(seen, page=505 if H2_ENABLED else 426)


class StartTLS(Factory):
    """Starts TLS on a connection, and then gives it to a site."""

    def __init__(self, site, options):
        self._site, self._options = site, options

    def buildProtocol(self, addr):
        protocol = self._site.buildProtocol(addr)
        connected = protocol.makeConnection

        def start_tls(transport):
            transport.startTLS(self._options)
            connected(transport)

        protocol.makeConnection = start_tls
        return protocol


class TransportTests(SiteTestCase):
    """The connection uses the transport itself, with no object of the site's between."""

    async def visit(self, uri, **options):
        ws = await txws2.connect(uri, reactor=reactor, **options)
        self.addCleanup(ws.close)
        return ws

    async def assertEchoes(self, ws):
        for size in (0, 10, 2**20):
            message = bytes(size)
            ws.sendMessage(message)
            self.assertTrue(await ws.recv() == message)

    async def test_messages_of_any_size_come_through_tls(self):
        ws = await self.visit(
            f"wss://{self.listen_tls()}/compressing",
            tls=InsecureTLS(HOST),
            additional_headers={"Accept-Encoding": "gzip"},
        )
        await self.assertEchoes(ws)

    async def test_messages_of_any_size_come_through_what_was_turned_to_tls(self):
        options = PrivateCertificate.loadPEM(self_signed(HOST)).options()
        port = reactor.listenTCP(0, StartTLS(self.site, options), interface=HOST)
        self.addCleanup(port.stopListening)
        uri = f"wss://{HOST}:{port.getHost().port}/compressing"
        await self.assertEchoes(await self.visit(uri, tls=InsecureTLS(HOST)))

    async def test_many_share_an_epoll_as_those_of_serve_do(self):
        self.patch(sharing, "_WORTH_WHILE", 4)
        uri = f"ws://{self.listen()}/compressing"
        visitors = [await self.visit(uri) for _ in range(8)]
        for ws in visitors:
            await self.assertEchoes(ws)
        reactors = [each.transport.reactor for each in self.compressing.factory.connections]
        self.assertEqual(len(reactors), 8)
        if hasattr(select, "epoll") and IReactorFDSet.providedBy(reactor):
            self.assertTrue(all(isinstance(each, StandIn) for each in reactors))


class OurResourceWithAWebsocketsClientTests(OurServerCases, FragmentCases, TestCase):
    """The cases of `serve` hold for a site, too."""

    library = "websockets"

    async def listen(self, handler, **options):
        resource = txws2.WebSocketResource(handler, reactor=reactor, **options)
        root = Resource()
        root.putChild(b"chat", resource)
        port = reactor.listenTCP(0, Site(root), interface=HOST)
        self.addCleanup(port.stopListening)
        self.addCleanup(resource.close)
        return f"ws://{HOST}:{port.getHost().port}/chat"


class GuardTests(SiteTestCase):
    def visit(self, user):
        uri = f"ws://{user}{self.listen()}/private"
        return start_peer(self, "websockets", "client", uri, settings([["close", 1000]], []))

    async def test_those_who_have_the_password_get_in(self):
        peer = self.visit("me:secret@")
        self.assertEqual(await peer.saw(), {"open": None})
        self.assertEqual(await peer.saw(), {"closed": [1000, ""]})

    async def test_those_who_have_not_are_401(self):
        for user in ("", "me:guessed@"):
            self.assertEqual(await self.visit(user).saw(), {"refused": 401})
