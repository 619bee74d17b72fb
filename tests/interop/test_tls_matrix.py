"""Each way in which the TLS of a server, or of a proxy, can be wrong, on real sockets."""

import re
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    SSL4ServerEndpoint,
    TCP4ServerEndpoint,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from tests.client.test_tls import HTTPFactory
from tests.support.tls_matrix import ACCEPTED, ROWS, having, pattern_of, trusted
from tests.support.tunnels import start_proxy
from txws2 import connect, serve
from txws2.exceptions import InvalidMessage, ProxyError, SecurityError
from txws2.streams.endpoints import WebSocketClientEndpoint

SECRET = "Bearer s3cret"


class Listener(Protocol):
    """Keeps the bytes that it receives."""

    def connectionMade(self):
        self.factory.met.append(self)
        self.heard, self.gone = b"", Deferred()

    def dataReceived(self, data):
        self.heard += data
        if self.factory.answer:
            self.transport.write(self.factory.answer)
        else:
            self.transport.loseConnection()

    def connectionLost(self, reason):
        self.gone.callback(None)


async def by_connect(uri, **options):
    async with connect(uri, additional_headers={"Authorization": SECRET}, **options):
        pass


async def by_an_endpoint(uri, **options):
    host, port = re.fullmatch(r"\w+://(.+):(\d+)/", uri).groups()
    place = HostnameEndpoint(reactor, host, int(port))
    await by_connect(uri, endpoint=place, **options)


async def wrapped(uri, **options):
    endpoint = WebSocketClientEndpoint(
        reactor, uri, additional_headers={"Authorization": SECRET}, **options
    )
    await endpoint.connect(Factory.forProtocol(Protocol))


class MatrixTestCase(TestCase):
    timeout = 120

    def setUp(self):
        self.authorities = Path(self.mktemp())
        self.authorities.write_bytes(trusted())

    async def listen(self, contexts, answer=b""):
        """Listen, with TLS or without; return a list of the connections, and the port."""
        factory = HTTPFactory.forProtocol(Listener)
        factory.met, factory.answer = [], answer
        if contexts is None:
            endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        else:
            endpoint = SSL4ServerEndpoint(reactor, 0, contexts, interface="127.0.0.1")
        port = await endpoint.listen(factory)
        self.addCleanup(port.stopListening)
        return factory.met, port.getHost().port

    async def left(self, met):
        """Wait until the client has gone; return the bytes that it has sent."""
        for listener in met:
            await listener.gone
        return b"".join(listener.heard for listener in met)


class ServerTests(MatrixTestCase):
    """Attack 31."""

    async def refuse_all(self, way, **options):
        for row in ROWS:
            met, port = await self.listen(row.serve())
            with self.assertRaises(SecurityError, msg=row.title) as caught:
                await way(
                    f"wss://{row.host}:{port}/",
                    tls=self.authorities,
                    server_hostname=row.name,
                    **options,
                )
            self.assertRegex(str(caught.exception), pattern_of(row), row.title)
            self.assertEqual(await self.left(met), b"", row.title)

    async def test_connect_refuses_it(self):
        await self.refuse_all(by_connect, proxy=None)

    async def test_connect_refuses_it_on_an_endpoint(self):
        await self.refuse_all(by_an_endpoint)

    async def test_an_endpoint_of_a_wrapped_protocol_refuses_it(self):
        await self.refuse_all(wrapped, proxy=None)

    async def test_connect_refuses_it_through_a_tunnel(self):
        for way in (by_connect, wrapped):
            tunnels = await start_proxy(self)
            await self.refuse_all(way, proxy=tunnels.url)
            self.assertEqual(len(tunnels.targets), len(ROWS))

    async def test_each_right_certificate_is_accepted(self):
        async def echo(ws):
            async for message in ws:
                await ws.send(message)

        for row in ACCEPTED:
            place = SSL4ServerEndpoint(reactor, 0, row.serve(), interface="127.0.0.1")
            async with serve(echo, endpoint=place) as server:
                uri = f"wss://{row.host}:{server.addresses[0].port}/"
                options = {"tls": self.authorities, "server_hostname": row.name, "proxy": None}
                async with connect(uri, **options) as ws:
                    await ws.send(row.title)
                    self.assertEqual(await ws.recv(), row.title)

    async def test_a_server_without_tls_is_refused(self):
        for way, options in (
            (by_connect, {"proxy": None}),
            (by_an_endpoint, {}),
            (wrapped, {"proxy": None}),
            (by_connect, {"proxy": (await start_proxy(self)).url}),
        ):
            for answer in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"220 smtp.example\r\n"):
                met, port = await self.listen(None, answer)
                with self.assertRaises(SecurityError) as caught:
                    await way(f"wss://localhost:{port}/", tls=self.authorities, **options)
                self.assertRegex(str(caught.exception), "^the TLS handshake failed: ")
                self.assertNotIn(SECRET.encode(), await self.left(met))

    async def test_tls_where_none_is_expected_is_no_answer(self):
        for way, options in (
            (by_connect, {"proxy": None}),
            (by_an_endpoint, {}),
            (wrapped, {"proxy": None}),
            (by_connect, {"proxy": (await start_proxy(self)).url}),
        ):
            met, port = await self.listen(having("localhost")())
            with self.assertRaises(InvalidMessage):
                await way(f"ws://localhost:{port}/", **options)
            self.assertEqual(await self.left(met), b"")


class ProxyTests(MatrixTestCase):
    """Attack 31, for proxies that are spoken to over TLS."""

    async def refuse_all(self, way, uri, **options):
        for row in ROWS:
            met, port = await self.listen(row.serve())
            proxy = f"https://{row.host}:{port}"
            with self.assertRaises(ProxyError, msg=row.title) as caught:
                await way(
                    uri,
                    proxy=proxy.replace("//", "//me:s3cret@"),
                    proxy_tls=self.authorities,
                    **options,
                )
            text = str(caught.exception)
            self.assertTrue(text.startswith(f"can't reach the proxy {proxy}: "), text)
            self.assertRegex(text, pattern_of(row, row.host), row.title)
            self.assertIsInstance(caught.exception.__cause__, SecurityError)
            self.assertEqual(await self.left(met), b"", row.title)

    async def test_connect_refuses_it(self):
        await self.refuse_all(by_connect, "ws://localhost:1/")
        await self.refuse_all(by_connect, "wss://localhost:1/", tls=self.authorities)

    async def test_an_endpoint_of_a_wrapped_protocol_refuses_it(self):
        await self.refuse_all(wrapped, "ws://localhost:1/")
