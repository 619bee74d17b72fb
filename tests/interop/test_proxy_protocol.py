"""The PROXY protocol, which Twisted's own endpoint reads: `haproxy:tcp:8000`."""

import struct
from functools import partial
from ipaddress import ip_address

from twisted.internet import reactor
from twisted.internet.defer import DeferredQueue
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.trial.unittest import TestCase

import txws2
from tests.interop.raw_client import NO_MASK, REQUEST, RawClient, frame
from txws2._connection.handle import driver_of
from txws2._transport.socket_writer import WriteThrough

TEXT = 1
ENDPOINT = "haproxy:tcp:0:interface=127.0.0.1"
PREFIX = b"\r\n\r\n\x00\r\nQUIT\n"


def version_1(source):
    family = "TCP6" if ":" in source else "TCP4"
    target = "::1" if ":" in source else "127.0.0.1"
    return f"PROXY {family} {source} {target} 4711 443\r\n".encode()


def version_2(source):
    family, target = (0x21, "::1") if ":" in source else (0x11, "127.0.0.1")
    ports = struct.pack("!HH", 4711, 443)
    told = ip_address(source).packed + ip_address(target).packed + ports
    return PREFIX + bytes([0x21, family]) + struct.pack("!H", len(told)) + told


LOCAL = PREFIX + b"\x20\x00\x00\x00"


class Echo(txws2.WebSocketServerProtocol):
    def __init__(self, seen):
        self._seen = seen

    def connectionOpened(self):
        self._seen.put(self)

    def messageReceived(self, message):
        self.sendMessage(message)


class ProxyProtocolTests(TestCase):
    timeout = 30

    async def serve(self, **options):
        self.seen = DeferredQueue()
        server = await txws2.serve(
            None, endpoint=ENDPOINT, create_protocol=partial(Echo, self.seen), **options
        )
        self.addCleanup(server.close)
        self.port = server.addresses[0].port

    async def connect(self, header):
        """Connect, send header and request in one piece; return the client with the response."""
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", self.port)
        client = await connectProtocol(endpoint, RawClient())
        self.addCleanup(lambda: client.lost)
        self.addCleanup(client.transport.abortConnection)
        client.transport.write(header + REQUEST.format("/", "").encode())
        await client.opened
        return client

    async def assertEchoes(self, client, message):
        client.transport.resumeProducing()
        client.transport.write(frame(TEXT, message, NO_MASK))
        expected = frame(TEXT, message)
        self.assertEqual(await client.read(len(expected)), expected)

    async def test_both_versions_tell_the_client_s_address(self):
        await self.serve(compression=None, max_size=2**21)
        for source in "192.0.2.1", "2001:db8::1":
            for version in version_1, version_2:
                client = await self.connect(version(source))
                self.assertIn(b" 101 ", client.head)
                ws = await self.seen.get()
                host, port = ws.remote_address
                # Twisted doesn't shorten IPv6 addresses.
                self.assertEqual((ip_address(host), port), (ip_address(source), 4711))
                self.assertEqual(ws.local_address[1], 443)
                for size in 5, 2**20:
                    await self.assertEchoes(client, b"x" * size)

    async def test_many_share_no_epoll_and_get_nothing_past_the_wrapper(self):
        """A wrapper reads the header; it is the transport that we get."""
        await self.serve()
        clients = [await self.connect(version_2(f"192.0.2.{n}")) for n in range(1, 9)]
        for n, client in enumerate(clients):
            ws = await self.seen.get()
            self.assertEqual(ws.remote_address, (f"192.0.2.{n + 1}", 4711))
            self.assertNotIsInstance(driver_of(ws).outbox, WriteThrough)
            await self.assertEchoes(client, b"%d" % n)

    async def test_a_proxy_that_connects_for_itself_is_the_client(self):
        await self.serve()
        client = await self.connect(LOCAL)
        ws = await self.seen.get()
        self.assertEqual(ws.remote_address[0], "127.0.0.1")
        await self.assertEchoes(client, b"healthy?")

    async def test_limits_are_those_of_the_client(self):
        await self.serve(max_connections_per_host=1)
        for header, status in {
            version_2("192.0.2.1"): b" 101 ",
            version_1("192.0.2.2"): b" 101 ",
            version_1("192.0.2.1"): b" 429 ",
            version_2("2001:db8::1"): b" 101 ",
            version_2("2001:db8::2"): b" 429 ",
        }.items():
            client = await self.connect(header)
            self.assertIn(status, client.head)

    async def test_without_a_header_there_is_no_connection(self):
        await self.serve()
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", self.port)
        client = await connectProtocol(endpoint, RawClient())
        client.transport.write(REQUEST.format("/", "").encode())
        await client.lost
        self.assertEqual(client.head, b"")

    async def test_a_server_that_stops_closes_them_with_1001(self):
        server = await txws2.serve(lambda ws: ws.wait_closed(), endpoint=ENDPOINT)
        self.port = server.addresses[0].port
        client = await self.connect(version_1("192.0.2.1"))
        client.transport.resumeProducing()
        closed = server.close()
        self.assertEqual(await client.read(4), b"\x88\x02\x03\xe9")
        client.transport.write(frame(8, b"\x03\xe9", NO_MASK))
        await closed
