"""`Forward` to a real nginx with TLS, which has our server behind it."""

from twisted.internet import reactor
from twisted.internet.defer import DeferredQueue
from twisted.web.resource import Resource
from twisted.web.server import Site

import txws2
from tests.interop.test_reverse_proxies import Observed, RunsNginx
from tests.support.certificates import make_pems
from txws2.exceptions import InvalidStatus
from txws2.forward import Forward
from txws2.server.factory import WebSocketServerFactory
from txws2.server.resource import WebSocketResource

COOKIES = ["session=1; Path=/; HttpOnly", "seen=yes"]


def decide(connection, request):
    if request.path == "/private":
        return connection.respond(401, "who are you?\n")
    return None


def greet(connection, request, response):
    for cookie in COOKIES:
        response.headers.addRawHeader("Set-Cookie", cookie)


class ForwardToNginxTests(RunsNginx):
    def make_room(self):
        super().make_room()
        certificate, key = make_pems("localhost")
        self.authority = self.path / "chat.example.com.pem"
        self.authority.write_bytes(certificate)
        (self.path / "chat.example.com.key").write_bytes(key)

    async def serve_behind(self):
        """Start our server, and nginx before it."""
        self.opened = DeferredQueue()
        self.inner = await txws2.serve(
            None,
            "127.0.0.1",
            0,
            create_protocol=lambda: Observed(self.opened),
            process_request=decide,
            process_response=greet,
            subprotocols=["chat"],
            trusted_proxies=["127.0.0.1"],
        )
        self.addCleanup(self.inner.close)
        await self.put_before(self.inner.addresses[0].port)

    async def forward(self, **options):
        """Serve a Forward to nginx; return its URI."""
        forward = Forward(f"wss://localhost:{self.port}/", **options)
        server = await txws2.serve(forward, "127.0.0.1", 0)
        self.addCleanup(server.close)
        return f"ws://127.0.0.1:{server.addresses[0].port}"

    def connecting(self, uri, **options):
        return txws2.connect(uri, proxy=None, **options)

    async def refused(self, uri):
        failed = await self.assertFailure(self.connecting(uri), InvalidStatus)
        return failed.response

    async def test_all_that_both_servers_say_passes(self):
        await self.serve_behind()
        uri = await self.forward(tls=self.authority)
        client = await self.connecting(f"{uri}/room?x=1", subprotocols=["other", "chat"])
        ws = await self.opened.get()
        self.assertEqual((ws.request.path, client.subprotocol), ("/room?x=1", "chat"))
        self.assertEqual(client.response.headers.get_all("Set-Cookie"), COOKIES)
        for message in "hello", b"\x00\xff", "", "x" * 500_000:
            await self.assertEchoes(client, message)
        # nginx trusts nobody, and the client of nginx is our process.
        self.assertTrue(ws.secure)
        await ws.close(4000, "bye")
        await client.wait_closed()
        self.assertEqual((client.close_code, client.close_reason), (4000, "bye"))
        response = await self.refused(f"{uri}/private")
        self.assertEqual((response.status_code, response.body), (401, b"who are you?\n"))
        # nginx has nobody behind it any more, and says so itself.
        await self.inner.close()
        response = await self.refused(uri)
        self.assertEqual(response.status_code, 502)
        self.assertIn(b"nginx", response.body)

    async def test_in_a_site_it_is_the_same(self):
        await self.serve_behind()
        factory = WebSocketServerFactory(
            Forward(f"wss://localhost:{self.port}/", tls=self.authority, path="/chat"),
            reactor=reactor,
        )
        root = Resource()
        root.putChild(b"chat", WebSocketResource(factory))
        site = reactor.listenTCP(0, Site(root), interface="127.0.0.1")
        self.addCleanup(site.stopListening)
        client = await self.connecting(f"ws://127.0.0.1:{site.getHost().port}/chat")
        self.addCleanup(client.close)
        self.assertEqual(client.response.headers.get_all("Set-Cookie"), COOKIES)
        await self.assertEchoes(client, "hello")

    async def test_an_authority_that_is_not_trusted_is_a_502(self):
        await self.serve_behind()
        for options in {}, {"tls": self.path / "other.pem"}:
            (self.path / "other.pem").write_bytes(make_pems("localhost")[0])
            response = await self.refused(await self.forward(**options))
            self.assertEqual(response.status_code, 502)
            self.assertEqual(response.body, b"The target of this WebSocket can't be reached.\n")
