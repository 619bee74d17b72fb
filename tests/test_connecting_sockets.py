"""`connect` on real sockets: IPv4 and IPv6, and TLS with certificates good and bad."""

from socket import socket

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    Certificate,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.trial.unittest import TestCase

from tests.certificates import certify
from txws2.connecting import connect
from txws2.exceptions import InvalidMessage, OpeningTimeout, SecurityError
from txws2.serving import serve


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class Silent(Protocol):
    """Takes the connection, and says what it is told to, which may be nothing."""

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
            # The first ones fill the queue of those to be accepted; the rest waits for TCP.
            attempts = [connect(uri, open_timeout=0.1) for _ in range(4)]
            for attempt in attempts:
                await self.assertFailure(attempt, OpeningTimeout)

    async def test_garbage_is_told_and_hung_up_on(self):
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
    """Attack 19."""

    async def serve(self, name, address=None):
        certificate, pem = certify(name, address)
        endpoint = SSL4ServerEndpoint(reactor, 0, certificate.options(), interface="127.0.0.1")
        server = await serve(echo, endpoint=endpoint)
        self.addCleanup(server.close)
        self.trust = trustRootFromCertificates([Certificate.loadPEM(pem)])
        return server.addresses[0].port

    async def assertEchoes(self, uri, **options):
        async with connect(uri, **options) as ws:
            await ws.send("hello")
            self.assertEqual(await ws.recv(), "hello")

    async def assertRefused(self, uri, words, **options):
        with self.assertRaises(SecurityError) as caught:
            await connect(uri, **options)
        self.assertIn("the TLS handshake failed: ", str(caught.exception))
        self.assertIn(words, str(caught.exception))

    async def test_the_right_certificate_is_accepted(self):
        port = await self.serve("localhost")
        tls = optionsForClientTLS("localhost", trustRoot=self.trust)
        await self.assertEchoes(f"wss://localhost:{port}/", tls=tls)

    async def test_the_right_certificate_for_an_address_is_accepted(self):
        port = await self.serve("localhost", "127.0.0.1")
        tls = optionsForClientTLS("127.0.0.1", trustRoot=self.trust)
        await self.assertEchoes(f"wss://127.0.0.1:{port}/", tls=tls)

    async def test_A3_one_that_is_signed_by_itself_is_refused_by_default(self):
        port = await self.serve("localhost")
        await self.assertRefused(f"wss://localhost:{port}/", "certificate verify failed")

    async def test_one_for_another_host_is_refused(self):
        port = await self.serve("elsewhere.example")
        tls = optionsForClientTLS("localhost", trustRoot=self.trust)
        with self.assertRaises(Exception) as caught:
            await connect(f"wss://localhost:{port}/", tls=tls)
        self.assertIsInstance(caught.exception, SecurityError)

    async def test_a_server_that_speaks_no_tls_is_refused(self):
        class Plain(Silent):
            says = b"HTTP/1.1 400 Bad Request\r\n\r\n"

        factory, port = await self.listen(Plain)
        await self.assertRefused(f"wss://localhost:{port}/", "")
        await factory.gone

    async def test_a_server_that_is_silent_in_the_tls_handshake_is_left(self):
        factory, port = await self.listen(Silent)
        with self.assertRaises(OpeningTimeout):
            await connect(f"wss://localhost:{port}/", open_timeout=0.05)
        await factory.gone
