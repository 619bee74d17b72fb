"""TLS on real sockets: the bytes on the wire, and OpenSSL's own client."""

from shutil import which

from OpenSSL import SSL
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.protocol import Factory, ProcessProtocol
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    PrivateCertificate,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.protocols.policies import TimeoutFactory, WrappingFactory
from twisted.protocols.portforward import (
    ProxyClient,
    ProxyClientFactory,
    ProxyFactory,
    ProxyServer,
)
from twisted.protocols.wire import Echo
from twisted.trial.unittest import SkipTest, TestCase
from twisted.web.server import Site

import txws2
from tests.client.test_insecure import self_signed
from tests.interop.raw_client import NO_MASK, frame
from txws2._transport.tls_writer import TLSThrough

CERTIFICATE = PrivateCertificate.loadPEM(self_signed("localhost"))
TRUST = trustRootFromCertificates([Certificate.load(CERTIFICATE.dump())])
SECRET = "plaintext " * 4

# RFC 8446 section 5.1: the record types.
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class RelayClient(ProxyClient):
    def dataReceived(self, data):
        self.peer.answered += data
        super().dataReceived(data)


class RelayClientFactory(ProxyClientFactory):
    protocol = RelayClient
    noisy = False


class Relay(ProxyServer):
    """Passes on the bytes of either side, and keeps them.

    Attributes:
        asked: the bytes that the client has sent.
        answered: the bytes that the server has sent.
    """

    clientProtocolFactory = RelayClientFactory

    def connectionMade(self):
        self.asked, self.answered = bytearray(), bytearray()
        self.factory.relays.append(self)
        super().connectionMade()

    def dataReceived(self, data):
        self.asked += data
        super().dataReceived(data)


def records_of(stream):
    """Return the types of a stream's records; fail if it has other bytes."""
    types, position = [], 0
    while position < len(stream):
        assert stream[position + 1] == 3, stream[position : position + 40]
        types.append(stream[position])
        position += 5 + int.from_bytes(stream[position + 3 : position + 5], "big")
    assert position == len(stream)
    return types


async def echo(ws):
    async for message in ws:
        if message == "flood":
            for number in range(200):
                ws.sendMessage(f"{number} {SECRET * 1600}")
        else:
            await ws.send(message)


class TLSTestCase(TestCase):
    timeout = 60

    async def serve(self, version=SSL.TLS1_3_VERSION, **options):
        contexts = CertificateOptions(
            privateKey=CERTIFICATE.privateKey.original,
            certificate=CERTIFICATE.original,
            **options,
        )
        contexts.getContext().set_max_proto_version(version)
        endpoint = SSL4ServerEndpoint(reactor, 0, contexts, interface="127.0.0.1")
        server = await txws2.serve(echo, endpoint=endpoint)
        self.addCleanup(server.close)
        return server.addresses[0].port


class WireTests(TLSTestCase):
    """All bytes on the wire are TLS records, whatever we do."""

    async def relay(self, *version, **options):
        """Serve behind a relay; return the URI."""
        factory = ProxyFactory("127.0.0.1", await self.serve(*version, **options))
        factory.protocol, factory.noisy = Relay, False
        self.relays = factory.relays = []
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return f"wss://localhost:{port.getHost().port}/"

    async def chat(self, uri, **options):
        tls = optionsForClientTLS("localhost", trustRoot=TRUST, **options)
        async with txws2.connect(uri, tls=tls, compression=None) as ws:
            self.assertIs(type(ws.transport.transport.protocol), TLSThrough)
            for size in (1, 10, 1000, 20_000):
                await ws.send(SECRET * size)
                self.assertEqual(await ws.recv(), SECRET * size)
            # These are many in one read, small and large, and more than the sockets'
            # buffers take.
            sent = [SECRET * (number * 7 % 50) for number in range(100)]
            for message in sent:
                ws.sendMessage(message)
            self.assertEqual([await ws.recv() for _ in sent], sent)
            await ws.send("flood")
            for number in range(200):
                self.assertEqual(await ws.recv(), f"{number} {SECRET * 1600}")

    def assertOnlyTLS(self):
        for relay in self.relays:
            for stream in (relay.asked, relay.answered):
                types = records_of(stream)
                self.assertIn(DATA, types)
                self.assertEqual(types[0], HANDSHAKE)
                self.assertLessEqual({*types}, {CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, DATA})
                for plain in (b"plaintext", b"WebSocket"):
                    self.assertNotIn(plain, stream)

    async def test_with_tls_1_3(self):
        uri = await self.relay()
        await self.chat(uri)
        self.assertOnlyTLS()

    async def test_with_tls_1_2(self):
        uri = await self.relay(SSL.TLS1_2_VERSION)
        await self.chat(uri)
        self.assertOnlyTLS()
        # Both have closed TLS before the connection.
        for relay in self.relays:
            self.assertEqual(records_of(relay.answered)[-1], ALERT)

    async def test_with_a_certificate_of_the_client(self):
        uri = await self.relay(trustRoot=TRUST)
        await self.chat(uri, clientCertificate=CERTIFICATE)
        self.assertOnlyTLS()

    async def test_with_many_that_share_an_epoll(self):
        uri = await self.relay()
        await gatherResults([Deferred.fromCoroutine(self.chat(uri)) for _ in range(6)])
        self.assertEqual(len(self.relays), 6)
        self.assertOnlyTLS()


class WrappedTests(TestCase):
    """A factory that wraps another has no ALPN of its own, and clients offer a protocol."""

    timeout = 60

    def listen(self, factory):
        """Serve a factory over TLS; return the URI."""
        port = reactor.listenSSL(0, factory, CERTIFICATE.options(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return f"wss://localhost:{port.getHost().port}/"

    async def check(self, factory):
        uri = self.listen(factory)
        creator = optionsForClientTLS("localhost", TRUST)
        for _ in range(2):
            async with txws2.connect(uri, tls=creator) as ws:
                await ws.send(b"hello")
                self.assertEqual(await ws.recv(), b"hello")
                await ws.close()

    async def test_websockets_under_a_policy(self):
        server = txws2.WebSocketServerFactory(echo)
        await self.check(WrappingFactory(server))
        await self.check(WrappingFactory(TimeoutFactory(server, 30)))

    async def test_a_stream_under_a_policy(self):
        stream = txws2.WebSocketFactory(Factory.forProtocol(Echo), text=False)
        await self.check(WrappingFactory(stream))

    async def test_a_site(self):
        await self.check(Site(txws2.WebSocketResource(txws2.WebSocketServerFactory(echo))))


class Client(ProcessProtocol):
    """`openssl s_client`, which reads lines as commands.

    Attributes:
        output: all that it has said.
        ended: fires when it has ended.
    """

    def __init__(self):
        self.output, self.ended = b"", Deferred()
        self._awaited = None

    def outReceived(self, data):
        self.output += data
        if self._awaited is not None and self._awaited[0] in self.output:
            (_, heard), self._awaited = self._awaited, None
            heard.callback(None)

    errReceived = outReceived

    def heard(self, words):
        """Return a Deferred that fires when its output has this."""
        deferred = Deferred()
        self._awaited = words, deferred
        self.outReceived(b"")
        return deferred

    def processEnded(self, reason):
        self.ended.callback(None)


class KeyUpdateTests(TLSTestCase):
    """RFC 8446 section 4.6.3: a KeyUpdate is no data, and may request another in response."""

    async def test_keys_may_change_at_any_time(self):
        openssl = which("openssl")
        if openssl is None:
            raise SkipTest("there is no openssl here")
        port = await self.serve()
        client = Client()
        arguments = ["s_client", "-tls1_3", "-msg", "-connect", f"127.0.0.1:{port}"]
        reactor.spawnProcess(client, openssl, ["openssl", *arguments], env=None)
        await client.heard(b"---\nread R BLOCK")
        client.transport.write(REQUEST)
        await client.heard(b"101 Switching Protocols")
        # "k" sends an update, "K" an update that requests another.
        for command in (b"k", b"K"):
            client.transport.write(command + b"\n")
            await client.heard(b"KEYUPDATE")
            client.output = b""
            client.transport.write(frame(1, b"after " + command, NO_MASK))
            await client.heard(b"\x81\x07after " + command)
        self.assertIn(b"<<< TLS 1.3, Handshake [length 0005], KeyUpdate", client.output)
        client.transport.write(frame(8, b"\x03\xe8", NO_MASK))
        await client.ended
