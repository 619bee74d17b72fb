"""`connect` on real sockets: IPv4 and IPv6, and TLS with certificates good and bad."""

from pathlib import Path
from socket import socket

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    TLSVersion,
    trustRootFromCertificates,
)
from twisted.trial.unittest import TestCase

from tests.support.certificates import certify
from tests.support.tunnels import start_proxy
from txws2.client.connections import connect
from txws2.exceptions import InvalidMessage, OpeningTimeout, SecurityError
from txws2.server.server import serve


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class Silent(Protocol):
    """Takes the connection, and sends the bytes of a test, or nothing."""

    says = b""

    def connectionMade(self):
        self.transport.write(self.says)
        self.factory.gone = Deferred()

    def connectionLost(self, reason):
        self.factory.gone.callback(None)


class SocketTestCase(TestCase):
    async def listen(self, protocol):
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        factory = Factory.forProtocol(protocol)
        port = await endpoint.listen(factory)
        self.addCleanup(port.stopListening)
        return factory, port.getHost().port


class PlainTests(SocketTestCase):
    async def test_async_with_closes_on_leaving(self):
        async with serve(echo, "127.0.0.1", 0) as server:
            async with connect(f"ws://127.0.0.1:{server.addresses[0].port}/") as ws:
                await ws.send("hello")
                self.assertEqual(await ws.recv(), "hello")
            self.assertEqual(str(ws.close_code), "1000")
            self.assertEqual(ws.remote_address, ("127.0.0.1", server.addresses[0].port))

    async def test_a_large_message_comes_back_whole(self):
        server = await serve(echo, "127.0.0.1", 0)
        self.addCleanup(server.close)
        async with connect(f"ws://127.0.0.1:{server.addresses[0].port}/") as ws:
            message = bytes(range(256)) * 4096
            ws.send(message)
            self.assertEqual(await ws.recv(), message)

    async def test_small_frames_do_not_wait_for_more(self):
        server = await serve(echo, "127.0.0.1", 0)
        self.addCleanup(server.close)
        async with connect(f"ws://127.0.0.1:{server.addresses[0].port}/") as ws:
            self.assertTrue(ws.transport.getTcpNoDelay())
            [other] = server.connections
            self.assertTrue(other.transport.getTcpNoDelay())

    async def test_nobody_is_there(self):
        async with serve(echo, "127.0.0.1", 0) as server:
            port = server.addresses[0].port
        with self.assertRaises(ConnectError):
            await connect(f"ws://127.0.0.1:{port}/")

    async def test_one_who_says_nothing_is_left_after_the_timeout(self):
        factory, port = await self.listen(Silent)
        with self.assertRaises(OpeningTimeout):
            await connect(f"ws://127.0.0.1:{port}/", open_timeout=0.05)
        await factory.gone

    async def test_one_who_does_not_even_accept_is_left_after_the_timeout(self):
        with socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen(0)
            uri = f"ws://127.0.0.1:{listening.getsockname()[1]}/"
            # The first connections fill the backlog; the rest waits for TCP.
            attempts = [connect(uri, open_timeout=0.1) for _ in range(4)]
            for attempt in attempts:
                await self.assertFailure(attempt, OpeningTimeout)

    async def test_garbage_is_reported_and_ends_the_connection(self):
        class Garbage(Silent):
            says = b"220 smtp.example.com\r\n\r\n"

        factory, port = await self.listen(Garbage)
        with self.assertRaises(InvalidMessage):
            await connect(f"ws://127.0.0.1:{port}/")
        await factory.gone

    async def test_cancelling_closes_the_socket(self):
        factory, port = await self.listen(Silent)
        connecting = connect(f"ws://127.0.0.1:{port}/")
        reactor.callLater(0.05, connecting.cancel)
        with self.assertRaises(Exception):  # noqa: B017
            await connecting
        await factory.gone


class TLSTests(SocketTestCase):
    """Attack 19: a certificate that is for another server, or expired."""

    proxy = authority = None

    async def serve(self, name, address=None, days=(-1, 1), **options):
        """Serve with such a certificate, which the client trusts; return the port."""
        certificate, pem = certify(name, address, days)
        contexts = CertificateOptions(
            privateKey=certificate.privateKey.original,
            certificate=certificate.original,
            **options,
        )
        return await self.serve_with(contexts, pem)

    async def serve_with(self, contexts, pem):
        endpoint = SSL4ServerEndpoint(reactor, 0, contexts, interface="127.0.0.1")
        server = await serve(echo, endpoint=endpoint)
        self.addCleanup(server.close)
        self.authority = Path(self.mktemp())
        self.authority.write_bytes(pem)
        return server.addresses[0].port

    async def assertEchoes(self, uri, **options):
        async with connect(uri, tls=self.authority, proxy=self.proxy, **options) as ws:
            await ws.send("hello")
            self.assertEqual(await ws.recv(), "hello")

    async def assertRefused(self, uri, words, **options):
        options.setdefault("tls", self.authority)
        with self.assertRaises(SecurityError) as caught:
            await connect(uri, proxy=self.proxy, **options)
        self.assertIn(words, str(caught.exception))

    async def test_the_right_certificate_is_accepted(self):
        port = await self.serve("localhost")
        await self.assertEchoes(f"wss://localhost:{port}/")

    async def test_the_right_certificate_for_an_address_is_accepted(self):
        port = await self.serve("localhost", "127.0.0.1")
        await self.assertEchoes(f"wss://127.0.0.1:{port}/")

    async def test_A3_one_that_is_signed_by_itself_is_refused_by_default(self):
        port = await self.serve("localhost")
        words = "the TLS handshake failed: certificate verify failed; self-signed certificate"
        await self.assertRefused(f"wss://localhost:{port}/", words, tls=None)

    async def test_one_for_another_host_is_refused(self):
        port = await self.serve("elsewhere.example")
        words = "isn't one for localhost; it is for elsewhere.example"
        await self.assertRefused(f"wss://localhost:{port}/", words)
        await self.assertRefused(f"wss://127.0.0.1:{port}/", "isn't one for 127.0.0.1; it is for")

    async def test_one_that_has_expired_is_refused(self):
        port = await self.serve("localhost", days=(-2, -1))
        await self.assertRefused(f"wss://localhost:{port}/", "certificate has expired")

    async def test_one_that_is_not_yet_valid_is_refused(self):
        port = await self.serve("localhost", days=(1, 2))
        await self.assertRefused(f"wss://localhost:{port}/", "certificate is not yet valid")

    async def test_the_server_learns_which_name_is_asked_for(self):
        """Without SNI, the server would show the certificate of another host."""
        right, pem = certify("localhost")
        contexts = certify("elsewhere.example")[0].options()

        def choose(connection):
            if connection.get_servername() == b"localhost":
                connection.set_context(right.options().getContext())

        contexts.getContext().set_tlsext_servername_callback(choose)
        port = await self.serve_with(contexts, pem)
        await self.assertEchoes(f"wss://localhost:{port}/")
        # SNI can't name an address.
        await self.assertRefused(f"wss://127.0.0.1:{port}/", "elsewhere.example")

    async def test_a_server_may_want_a_certificate_of_ours(self):
        mine, pem = certify("me")
        trust = trustRootFromCertificates([Certificate.loadPEM(pem)])
        port = await self.serve("localhost", trustRoot=trust)
        await self.assertEchoes(f"wss://localhost:{port}/", client_certificate=mine)
        await self.assertRefused(f"wss://localhost:{port}/", "alert certificate required")
        stranger, _ = certify("stranger")
        uri = f"wss://localhost:{port}/"
        await self.assertRefused(uri, "alert unknown ca", client_certificate=stranger)

    async def test_a_server_that_knows_no_tls_since_1_2_is_refused(self):
        port = await self.serve(
            "localhost",
            insecurelyLowerMinimumTo=TLSVersion.TLSv1_0,
            lowerMaximumSecurityTo=TLSVersion.TLSv1_1,
        )
        await self.assertRefused(f"wss://localhost:{port}/", "alert protocol version")

    async def test_a_server_that_speaks_no_tls_is_refused(self):
        class Plain(Silent):
            says = b"HTTP/1.1 400 Bad Request\r\n\r\n"

        factory, port = await self.listen(Plain)
        words = "the TLS handshake failed: "  # Versions of OpenSSL give different reasons.
        await self.assertRefused(f"wss://localhost:{port}/", words, tls=None)
        await factory.gone

    async def test_a_server_that_is_silent_in_the_tls_handshake_is_left(self):
        factory, port = await self.listen(Silent)
        connecting = connect(f"wss://localhost:{port}/", proxy=self.proxy, open_timeout=0.1)
        timeout = await self.assertFailure(connecting, OpeningTimeout)
        self.assertEqual(timeout.stage, "the TLS handshake")
        await factory.gone


class TLSThroughProxyTests(TLSTests):
    """Attack 19, with a proxy in between."""

    async def setUp(self):
        tunnels = await start_proxy(self)
        self.proxy = tunnels.url
        self.addCleanup(lambda: self.assertNotEqual(tunnels.targets, []))
