"""`twistd ws` asks a real service, and checks real passwords in threads."""

from base64 import b64encode

import bcrypt
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site

import txws2
from tests.command.test_commands import TWISTD, CommandTestCase
from tests.interop.test_twistd_tls import NAME
from txws2.exceptions import InvalidStatus


class Service(Resource):
    """Lets those in who have a cookie."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.connections = set()

    def render_GET(self, request):
        self.connections.add(request.channel)
        user = request.getCookie(b"user")
        if user is None:
            request.setResponseCode(401)
            return b"Log in first.\n"
        request.setHeader("Remote-User", user)
        return b""


class TwistdAuthTests(CommandTestCase):
    timeout = 60

    async def serve(self, *arguments):
        path = self.make_directory()
        (path / "name.py").write_text(NAME)
        value = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
        (path / "users").write_text(f"ann:{value}\n")
        twistd = self.start(
            *(TWISTD, "-n", "--pidfile=", "ws", "--app", "name:handler"),
            *("--listen", "tcp:0:interface=127.0.0.1", *arguments),
            path=str(path),
        )
        return (await twistd.shown(r"listening on (ws://127\.0\.0\.1:\d+/)"))[1]

    def connect(self, uri, **headers):
        return txws2.connect(uri, additional_headers=headers, reactor=reactor)

    async def assertRefused(self, status, uri, **headers):
        try:
            await self.connect(uri, **headers)
        except InvalidStatus as exc:
            self.assertEqual(exc.response.status_code, status)
            return exc.response
        raise self.failureException("it was let in")

    async def test_a_service_decides_on_connections_that_stay_open(self):
        service = Service()
        port = reactor.listenTCP(0, Site(service), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        uri = await self.serve("--authorize", f"http://127.0.0.1:{port.getHost().port}/auth")
        for name in "ann", "bob", "eve":
            async with self.connect(uri, Cookie=f"user={name}") as client:
                self.assertEqual(await client.recv(), name)
            response = await self.assertRefused(401, uri)
            self.assertEqual(response.body, b"Log in first.\n")
        self.assertEqual(len(service.connections), 1)
        [channel] = service.connections
        await port.stopListening()
        channel.transport.abortConnection()
        await self.assertRefused(503, uri, Cookie="user=ann")

    async def test_passwords_of_a_file(self):
        uri = await self.serve("--user-file", "users")
        for password in "secret", "secret", "wrong", "secret":
            value = "Basic " + b64encode(f"ann:{password}".encode()).decode()
            if password == "wrong":
                await self.assertRefused(401, uri, Authorization=value)
            else:
                async with self.connect(uri, Authorization=value) as client:
                    self.assertEqual(await client.recv(), "ann")
