"""`twistd ws` with TLS: certificates of clients, and a new certificate without an end."""

from OpenSSL import SSL
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionLost
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory

import txws2
from tests.command.test_commands import TWISTD, CommandTestCase
from tests.support.certificates import Authority
from txws2.exceptions import InvalidStatus, WebSocketException

NAME = """
async def handler(ws):
    await ws.send(str(ws.username))
    async for message in ws:
        await ws.send(message)
"""


class Announcing(ProtocolWrapper):
    """Tells of its client first, as HAProxy does with `send-proxy`."""

    def makeConnection(self, transport):
        transport.write(b"PROXY TCP4 203.0.113.9 127.0.0.1 4321 443\r\n")
        super().makeConnection(transport)


class AnnouncingEndpoint:
    """Connects as HAProxy does, with TLS behind the PROXY protocol."""

    def __init__(self, port):
        self.below = TCP4ClientEndpoint(reactor, "127.0.0.1", port)

    def connect(self, factory):
        wrapping = WrappingFactory(factory)
        wrapping.protocol, wrapping.noisy = Announcing, False
        return self.below.connect(wrapping).addCallback(lambda made: made.wrappedProtocol)


class TwistdTLSTests(CommandTestCase):
    timeout = 60

    def setUp(self):
        self.path = self.make_directory()
        (self.path / "name.py").write_text(NAME)
        self.authority = Authority()
        (self.path / "ca.pem").write_bytes(self.authority.pem)
        self.write("server.pem", self.authority.certify("localhost"))

    def write(self, name, certificate):
        pem = certificate.dumpPEM() + certificate.privateKey.dump(1)
        (self.path / name).write_bytes(pem)
        return str(self.path / name)

    async def serve(self, *arguments):
        self.twistd = self.start(
            *(TWISTD, "-n", "--pidfile=", "ws", "--certificate", "server.pem"),
            *("--app", "name:handler", "--listen", "tcp:0:interface=127.0.0.1", *arguments),
            path=str(self.path),
        )
        uri = (await self.twistd.shown(r"listening on (wss://127\.0\.0\.1:\d+/)"))[1]
        return uri.replace("127.0.0.1", "localhost")

    def connect(self, uri, trust=None, **options):
        return txws2.connect(
            uri, tls=trust or str(self.path / "ca.pem"), reactor=reactor, **options
        )

    async def test_the_subject_of_the_client_s_certificate_is_its_name(self):
        uri = await self.serve("--client-ca", "ca.pem")
        mine = self.write("ann.pem", self.authority.certify(common_name="ann"))
        # The first connections take another way than the later ones.
        for _ in range(4):
            async with self.connect(uri, client_certificate=mine) as client:
                self.assertEqual(await client.recv(), "CN=ann")

    async def test_other_clients_stay_outside(self):
        uri = await self.serve("--client-ca", "ca.pem")
        other = self.write("eve.pem", Authority("another").certify(common_name="eve"))
        for options in {}, {"client_certificate": other}:
            with self.assertRaises((WebSocketException, SSL.Error, ConnectionLost)) as caught:
                await self.connect(uri, **options)
            self.assertNotIsInstance(caught.exception, InvalidStatus)

    async def test_a_new_certificate_counts_on_sighup_and_open_connections_stay(self):
        uri = await self.serve()
        async with self.connect(uri) as before:
            await before.recv()
            new = Authority("a new one")
            (self.path / "new.pem").write_bytes(new.pem)
            self.write("server.pem", new.certify("localhost"))
            self.twistd.transport.signalProcess("HUP")
            await self.twistd.shown("was read again")
            async with self.connect(uri, str(self.path / "new.pem")) as after:
                self.assertEqual(await after.recv(), "None")
            await before.send("still here")
            self.assertEqual(await before.recv(), "still here")
            # A wrong file changes nothing.
            (self.path / "server.pem").write_text("no certificate")
            self.twistd.transport.signalProcess("HUP")
            await self.twistd.shown("goes on with the certificate that it has")
            async with self.connect(uri, str(self.path / "new.pem")) as after:
                self.assertEqual(await after.recv(), "None")
            await before.send("still here")
            self.assertEqual(await before.recv(), "still here")

    async def test_behind_the_proxy_protocol_a_site_and_websockets_know_the_client(self):
        (self.path / "public").mkdir()
        (self.path / "public" / "page").write_text("a page")
        self.twistd = self.start(
            *(TWISTD, "-n", "--pidfile=", "ws", "--certificate", "server.pem"),
            *("--listen", "haproxy:tcp:0:interface=127.0.0.1", "--access-log", "access"),
            *("--app", "/name=name:handler", "--static", "public"),
            path=str(self.path),
        )
        port = int((await self.twistd.shown(r"listening on https://127\.0\.0\.1:(\d+)/"))[1])
        uri, endpoint = f"wss://localhost:{port}", AnnouncingEndpoint(port)
        async with self.connect(f"{uri}/name", endpoint=endpoint) as client:
            self.assertEqual(await client.recv(), "None")
        # A request for a WebSocket where none is gets the page.
        failed = await self.assertFailure(
            self.connect(f"{uri}/page", endpoint=endpoint), InvalidStatus
        )
        self.assertEqual(failed.response.body, b"a page")
        self.twistd.transport.signalProcess("TERM")
        await self.twistd.ended
        lines = (self.path / "access").read_text().splitlines()
        self.assertEqual([line.split(" ")[0] for line in lines], ["203.0.113.9"] * 2)
