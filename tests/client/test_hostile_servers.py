"""A hostile server redirects a client."""

from base64 import b64encode

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.trial.unittest import TestCase

from tests.support.certificates import certify
from tests.support.tunnels import start_proxy
from txws2.client.connections import connect
from txws2.exceptions import InvalidHandshake

CREDENTIALS = b64encode(b"user:password")
MAX_REDIRECTS = 10


class Redirecting(Protocol):
    """Answers a request with a redirect to the location of its factory."""

    def connectionMade(self):
        self.gone = Deferred()
        self.factory.connections.append(self)
        self._head = b""

    def dataReceived(self, data):
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            self.factory.heads.append(self._head)
            lines = "HTTP/1.1 302 Found", f"Location: {self.factory.location}", "Content-Length: 0"
            self.transport.write("\r\n".join([*lines, "", ""]).encode())
            self.transport.loseConnection()

    def connectionLost(self, reason):
        self.gone.callback(None)


class RedirectTests(TestCase):
    """Attack 20: a server that redirects the client."""

    proxy = None

    async def listen(self, endpoint=None, scheme="ws"):
        """Listen with a server that redirects to itself, unless it is told another location."""
        factory = Factory.forProtocol(Redirecting)
        factory.connections, factory.heads = [], []
        endpoint = endpoint or TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port = await endpoint.listen(factory)
        self.addCleanup(lambda: gatherResults([each.gone for each in factory.connections]))
        self.addCleanup(port.stopListening)
        factory.uri = factory.location = f"{scheme}://localhost:{port.getHost().port}/"
        return factory

    async def assertFails(self, uri, **options):
        headers = {"Authorization": f"Basic {CREDENTIALS.decode()}"}
        with self.assertRaises(InvalidHandshake):
            await connect(uri, additional_headers=headers, proxy=self.proxy, **options)

    async def test_a_redirect_that_leads_nowhere_has_an_end(self):
        server = await self.listen()
        await self.assertFails(server.uri)
        self.assertLessEqual(len(server.heads), 1 + MAX_REDIRECTS)
        self.assertIn(CREDENTIALS, server.heads[0])

    async def test_another_origin_gets_no_credentials(self):
        server, other = await self.listen(), await self.listen()
        server.location = other.uri
        await self.assertFails(server.uri)
        self.assertNotIn(CREDENTIALS, b"".join(other.heads))

    async def test_nothing_leads_from_tls_to_plain_text(self):
        certificate, pem = certify("localhost")
        options = certificate.options()
        tls = optionsForClientTLS(
            "localhost", trustRoot=trustRootFromCertificates([Certificate.loadPEM(pem)])
        )
        endpoint = SSL4ServerEndpoint(reactor, 0, options, interface="127.0.0.1")
        server, plain = await self.listen(endpoint, "wss"), await self.listen()
        server.location = plain.uri
        await self.assertFails(server.uri, tls=tls)
        self.assertEqual(len(server.heads), 1)
        self.assertEqual(plain.connections, [])


class RedirectThroughProxyTests(RedirectTests):
    """Attack 20, with a proxy in between: it makes a tunnel to each place."""

    async def setUp(self):
        self.tunnels = await start_proxy(self)
        self.proxy = self.tunnels.url

    async def listen(self, *arguments):
        factory = await super().listen(*arguments)
        self.addCleanup(self.assertTunnels, factory)
        return factory

    def assertTunnels(self, factory):
        target = factory.uri.split("/")[2]
        self.assertEqual(self.tunnels.targets.count(target), len(factory.connections))
