"""A twisted.web site in memory, with a page and a WebSocket, and a client of it."""

from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from tests.support.sides import REQUEST, Peer, QuietTestCase, RecordedServer, frames_in
from txws2 import Headers, WebSocketResource
from txws2.wire.frames import encode_frame

__all__ = ["PAGE", "SiteTestCase", "frame", "plus"]

PAGE = b"GET /page HTTP/1.1\r\nHost: example.com\r\n\r\n"


def plus(*lines):
    return REQUEST[:-2] + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def frame(opcode, payload=b"", fin=True):
    return encode_frame(opcode, payload, fin=fin, masked=True)


class SiteTestCase(QuietTestCase):
    """A site with a page, and a WebSocket at /chat, on a connection of a client.

    Attributes:
        opened: the connections that have opened.
    """

    def setUp(self):
        super().setUp()
        self.clock = MemoryReactorClock()
        self.opened = []
        self.root = Resource()
        self.root.putChild(b"page", Data(b"a page", "text/plain"))

    def serve(self, handler=None, at=b"chat", wrap=lambda resource: resource, **options):
        """Put a resource on the site, and connect a client to that; return the resource."""
        if handler is None:
            options.setdefault("create_protocol", self.record)
        resource = WebSocketResource(handler, reactor=self.clock, **options)
        self.root.putChild(at, wrap(resource))
        self.site = Site(self.root, reactor=self.clock)
        self.connect()
        return resource

    def record(self):
        protocol = RecordedServer()
        self.opened.append(protocol)
        return protocol

    @property
    def ws(self):
        return self.opened[-1]

    def connect(self, factory=None):
        self.peer = Peer()
        address = IPv4Address("TCP", "127.0.0.1", 50000)
        server = (factory or self.site).buildProtocol(address)
        self.joined = self.link(server, self.peer)
        self.server_end = self.joined.server_transport

    def receive(self, data):
        self.peer.transport.write(data)
        self.joined.pump()

    def ask(self, request):
        """Send a request; return status, headers and body of the response."""
        self.receive(request)
        return self.answer()

    def answer(self):
        head, _, body = self.peer.take().partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        return status.removeprefix("HTTP/1.1 "), Headers(_pairs(lines)), body

    def open(self, request=REQUEST):
        """Open a connection; return the headers of the response."""
        status, headers, rest = self.ask(request)
        self.assertEqual(status, "101 Switching Protocols")
        self.peer.received += rest
        return headers

    def hear(self, *frames):
        self.receive(b"".join(frame(*each) for each in frames))

    def said(self):
        self.joined.pump()
        return frames_in(self.peer.take())

    def leave(self):
        self.peer.transport.loseConnection()
        self.joined.pump()

    def assertStatus(self, expected, request):
        status, headers, body = self.ask(request)
        self.assertEqual(status, expected)
        return headers, body

    def assertSiteGoesOn(self):
        self.assertEqual(self.assertStatus("200 OK", PAGE)[1], b"a page")

    def assertOver(self):
        """Assert that the site has ended this connection, and accepts others."""
        self.receive(PAGE)
        self.assertEqual(self.peer.take(), b"")
        self.assertFalse(self.server_end.connected)
        self.connect()
        self.assertSiteGoesOn()
        self.connect()

    def assertNothingLeft(self):
        self.assertEqual(self.clock.getDelayedCalls(), [])


def _pairs(lines):
    headers = {}
    for line in lines:
        name, _, value = line.partition(": ")
        headers.setdefault(name, []).append(value)
    return headers
