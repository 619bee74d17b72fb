"""Clients of other libraries meet a server that asks for a name and a password."""

import json
from urllib.parse import urlencode

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import File

import txws2
from tests.interop.chromium import see
from tests.interop.directions import WeAreTheServer, settings
from tests.interop.peer_process import HERE, start_peer
from txws2.tap import Options, makeService

HOST = "127.0.0.1"
BYE = settings([["close", 1000]], [])


class HooksTestCase(WeAreTheServer, TestCase):
    timeout = 60

    def visit(self, *uris):
        """Let a client of another library open connections, one after the other."""
        arguments = [argument for uri in uris for argument in (uri, BYE)]
        return start_peer(self, self.library, "client", *arguments)

    async def assertGetsIn(self, peer):
        self.assertEqual(await peer.saw(), {"open": None})
        self.assertEqual(await peer.saw(), {"closed": [1000, ""]})


class PasswordTests(HooksTestCase):
    library = "websockets"

    async def ask(self, user):
        """Open a connection as a user; return the client, and the names of the accepted users."""
        names = []

        async def handler(ws):
            names.append(ws.username)
            await ws.wait_closed()

        hook = txws2.basic_auth("the club", credentials=("Zoë", "se:cret"))
        uri = await self.listen(handler, process_request=hook)
        return self.visit(uri.replace("//", f"//{user}")), names

    async def test_a_client_with_the_password_in_the_uri_gets_in(self):
        peer, names = await self.ask("Zo%C3%AB:se%3Acret@")
        await self.assertGetsIn(peer)
        self.assertEqual(names, ["Zoë"])

    async def test_others_are_401(self):
        for user in ("", "Zo%C3%AB:guess@", "me:se%3Acret@"):
            peer, names = await self.ask(user)
            self.assertEqual(await peer.saw(), {"refused": 401})
            self.assertEqual(names, [])


class CookieTests(HooksTestCase):
    library = "aiohttp"

    async def test_a_client_brings_the_cookie_that_it_was_given(self):
        cookies = []

        async def handler(ws):
            cookies.append(ws.request.cookies)
            await ws.wait_closed()

        def process_response(connection, request, response):
            response.set_cookie("visits", str(len(cookies) + 1))

        uri = await self.listen(handler, process_response=process_response)
        peer = self.visit(uri, uri)
        await self.assertGetsIn(peer)
        await self.assertGetsIn(peer)
        self.assertEqual(cookies, [{}, {"visits": "1"}])

    async def test_it_is_given_one_with_a_refusal_too(self):
        def process_request(connection, request):
            return None if "seen" in request.cookies else connection.respond(403, "Once more.\n")

        def process_response(connection, request, response):
            response.set_cookie("seen", "yes")

        uri = await self.listen(
            lambda ws: ws.wait_closed(),
            process_request=process_request,
            process_response=process_response,
        )
        peer = self.visit(uri, uri)
        self.assertEqual(await peer.saw(), {"refused": 403})
        await self.assertGetsIn(peer)


class Report(Resource):
    """Keeps the report of a page."""

    def __init__(self):
        super().__init__()
        self.reported = Deferred()

    def render_POST(self, request):
        self.reported.callback(json.load(request.content))
        return b""


class OriginTests(TestCase):
    """Attack 10: a browser lets any page connect to `twistd ws` without options."""

    timeout = 60

    async def visit(self, name):
        """Open a page at a host with this name; return the connections that it can open."""
        factory = makeService(Options()).factory
        report = Report()
        root = File(str(HERE / "pages"))
        beside = txws2.WebSocketResource(factory)
        root.putChild(b"beside", beside)
        root.putChild(b"report", report)
        page, elsewhere = self.listen(Site(root)), self.listen(factory)
        self.addCleanup(beside.close)
        targets = {
            "beside": f"ws://{name}:{page}/beside",
            "other host": f"ws://{_OTHER[name]}:{page}/beside",
            "other port": f"ws://{name}:{elsewhere}/",
        }
        uri = f"http://{name}:{page}/origins.html?{urlencode(targets)}"
        return await see(self, uri, report.reported)

    def listen(self, factory):
        port = reactor.listenTCP(0, factory, interface=HOST)
        self.addCleanup(port.stopListening)
        return port.getHost().port

    async def test_a_page_gets_to_where_it_came_from_and_nowhere_else(self):
        for name in _OTHER:
            seen = await self.visit(name)
            self.assertEqual(seen, {"beside": True, "other host": False, "other port": False})


_OTHER = {HOST: "localhost", "localhost": HOST}
