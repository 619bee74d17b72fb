"""Base of the tests of one side: a WebSocket of ours that faces a peer which speaks bytes."""

import gc
import re
from base64 import b64encode
from hashlib import sha1

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txws2.client.protocol import WebSocketClientFactory, WebSocketClientProtocol
from txws2.server.factory import WebSocketServerFactory, WebSocketServerProtocol
from txws2.testing import Joined, joined
from txws2.testing import recorder as recording
from txws2.wire.frames import encode_frame

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA

URI = "ws://example.com/chat"

REQUEST = (
    b"GET /chat HTTP/1.1\r\n"
    b"Host: example.com\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"\r\n"
)


def answer(request, *headers):
    """Return the response that accepts a request, with these header lines, too."""
    key = re.search(rb"Sec-WebSocket-Key: (\S+)\r\n", request).group(1)
    digest = sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + b64encode(digest),
        *headers,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def closing(code, reason=""):
    """Return the payload of a close frame."""
    return code.to_bytes(2, "big") + reason.encode()


def frames_in(data):
    """Split a stream of whole frames: the opcode and the payload of each."""
    return [(frame.opcode, frame.payload) for frame in recording.frames_in(data)]


@implementer(IHalfCloseableProtocol)
class Peer(Protocol):
    """The other side: it sends bytes, and keeps the bytes that it receives.

    Attributes:
        received: bytes that have arrived and weren't taken yet.
        ended: True once the other side has closed for writing.
        lost: the reasons of connectionLost.
    """

    def __init__(self):
        self.received = bytearray()
        self.ended = False
        self.lost = []

    def dataReceived(self, data):
        self.received += data

    def readConnectionLost(self):
        self.ended = True

    def connectionLost(self, reason):
        self.lost.append(reason.value)

    def take(self):
        """Return the bytes that have arrived since the last call."""
        data = bytes(self.received)
        self.received.clear()
        return data


class Recorded:
    """Keeps the calls of Twisted and txws2; messages stay for recv()."""

    def connectionMade(self):
        self.opened = 0
        self.pinged, self.ponged, self.lost = [], [], []

    def connectionOpened(self):
        self.opened += 1

    def pingReceived(self, payload):
        self.pinged.append(payload)

    def pongReceived(self, payload):
        self.ponged.append(payload)

    def connectionLost(self, reason):
        self.lost.append(reason.value)


class RecordedServer(Recorded, WebSocketServerProtocol):
    pass


class RecordedClient(Recorded, WebSocketClientProtocol):
    pass


class QuietTestCase(SynchronousTestCase):
    """Has a clock, and fails if an event at WARNING or above was logged and not taken.

    Attributes:
        ways: the layers between server and client; `tests.support.ways` has test cases with some.
        first_bytes: the first bytes that the client sends.
    """

    ways = ()
    first_bytes = b"GET /chat HTTP/1.1\r\n"

    def setUp(self):
        self.clock = Clock()
        self.events = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)
        self.addCleanup(self.assertQuiet)

    def take_loud(self):
        """Return the log events at WARNING or above, which then don't fail the test."""
        gc.collect(0)
        loud = [event for event in self.events if _is_loud(event)]
        self.events[:] = [event for event in self.events if not _is_loud(event)]
        self.flushLoggedErrors()
        return loud

    def assertQuiet(self):
        self.assertEqual([event["log_format"] for event in self.take_loud()], [])

    def assertClosed(self, deferred, text):
        """Assert that it failed with ConnectionClosed, with this text; return it."""
        closed = self.failureResultOf(deferred).value
        self.assertEqual(f"{type(closed).__name__}: {closed}", text)
        return closed

    def link(self, server, client):
        """Connect these protocols by the ways between them."""
        ends = server, client
        for way in self.ways:
            ends = way(*ends, self.clock)
        joined = Joined(*ends, self.clock)
        joined.server, joined.client = server, client
        return joined

    def join(self, server=None, client=None, *, handler=None, **options):
        """Join a server and a client of these classes, with an open connection between them."""
        return joined(
            handler,
            server=server or RecordedServer,
            client=client or RecordedClient,
            uri=URI,
            clock=self.clock,
            **options,
        )


def _is_loud(event):
    if "unsaid" in event:
        # A refusal that may be a mistake in the options is a warning; test_journal has it.
        return False
    return event.get("log_level", LogLevel.info) >= LogLevel.warn


class SideTestCase(QuietTestCase):
    """One side of ours, `ws`, that faces a `peer`."""

    def connect(self, create_protocol=None, **options):
        """Connect the transport; no byte has moved yet."""
        self.factory = self.make_factory(create_protocol, **options)
        self.ws = self.factory.buildProtocol(None)
        self.peer = Peer()
        self.joined = self.make_joined()

    def open(self, create_protocol=None, **options):
        """Make a connection and open it; return `ws`."""
        self.connect(create_protocol, **options)
        self.open_peer()
        self.peer.take()
        return self.ws

    def receive(self, data):
        """Let bytes of the peer arrive."""
        self.peer.transport.write(data)
        self.joined.pump()

    def hear(self, *frames):
        """Let frames of the peer arrive, all in one read."""
        self.receive(b"".join(self.frame(*frame) for frame in frames))

    def frame(self, opcode, payload=b"", fin=True):
        """Return a frame as the peer sends it."""
        return encode_frame(opcode, payload, fin=fin, masked=not self.client)

    def said(self):
        """Return the frames that `ws` has sent since the last call."""
        self.joined.pump()
        return frames_in(self.peer.take())

    @property
    def ours(self):
        """The lowest transport at this end."""
        return self.joined.client_transport if self.client else self.joined.server_transport

    @property
    def theirs(self):
        """The lowest transport at the other end."""
        return self.ours.peer

    def assertGone(self):
        """Assert that connectionLost was called once, and that no delayed call is left."""
        self.assertEqual(len(self.ws.lost), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ServerSide(SideTestCase):
    client = False

    def make_factory(self, create_protocol, **options):
        create_protocol = create_protocol or RecordedServer
        return WebSocketServerFactory(
            create_protocol=create_protocol, reactor=self.clock, **options
        )

    def make_joined(self):
        return self.link(self.ws, self.peer)

    def open_peer(self):
        self.receive(REQUEST)


class ClientSide(SideTestCase):
    client = True

    def make_factory(self, create_protocol, **options):
        create_protocol = create_protocol or RecordedClient
        return WebSocketClientFactory(
            URI, create_protocol=create_protocol, reactor=self.clock, **options
        )

    def make_joined(self):
        return self.link(self.peer, self.ws)

    def open_peer(self):
        self.joined.pump()
        self.receive(answer(self.peer.take()))
