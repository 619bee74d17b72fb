"""Base of the tests of `Forward`: a WebSocket, a forwarder, and its target, all in memory."""

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer

from tests.support.sides import URI, Peer, QuietTestCase
from txws2.client.protocol import WebSocketClientFactory
from txws2.forward import Forward
from txws2.server.factory import WebSocketServerFactory
from txws2.testing import Joined

KIB = 1024


class Service(Peer):
    """A target that speaks bytes; it ends its side only when the test says so."""


@implementer(IStreamClientEndpoint)
class MemoryTarget:
    """An endpoint in memory.

    Attributes:
        peer: the target's end of the latest connection, which speaks bytes.
        joined: both ends of that.
        attempts: the number of attempts to connect.
        cancelled: the number of those that were cancelled.
        waits: True if attempts hang.
        failure: the exception with which attempts fail; None to connect.
    """

    def __init__(self, clock, peer=Service):
        self.clock = clock
        self.make = peer
        self.attempts = self.cancelled = 0
        self.waits = False
        self.failure = self.joined = None

    def connect(self, factory):
        self.attempts += 1
        if self.waits:
            return Deferred(self._cancelled)
        if self.failure is not None:
            failing = Deferred()
            failing.errback(self.failure)
            return failing
        self.peer = self.make()
        protocol = factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 5900))
        self.joined = Joined(self.peer, protocol, self.clock)
        return succeed(protocol)

    def _cancelled(self, _):
        self.cancelled += 1


class ForwardTestCase(QuietTestCase):
    """Has a client, `client`, whose WebSocket is forwarded to `target`."""

    def setUp(self):
        super().setUp()
        self.target = MemoryTarget(self.clock)

    def begin(self, forward=None, uri=URI, *, offered=(), headers=(), secure=(), **options):
        """Let a client ask for a WebSocket."""
        options.setdefault("compression", None)
        if forward is None:
            forward = Forward(self.target, reactor=self.clock)
        self.forward = forward
        self.factory = WebSocketServerFactory(forward, reactor=self.clock, **options)
        clients = WebSocketClientFactory(
            uri,
            subprotocols=offered,
            additional_headers=headers,
            max_size=None,
            reactor=self.clock,
            compression=options["compression"],
        )
        self.client = clients.buildProtocol(None)
        self.opening = self.client.wait_opened()
        self.joined = Joined(self.factory.buildProtocol(None), self.client, self.clock)
        self.settle()

    def open(self, *arguments, **options):
        """Open a WebSocket."""
        self.begin(*arguments, **options)
        self.successResultOf(self.opening)

    def refused(self, *arguments, **options):
        """Return the response that refuses a WebSocket."""
        self.begin(*arguments, **options)
        return self.failureResultOf(self.opening).value.response

    def settle(self):
        """Move bytes until nothing moves, without letting time pass."""
        for _ in range(50):
            self.joined.pump()
            if self.target.joined is not None:
                self.target.joined.pump()
            self.clock.advance(0)

    def advance(self, seconds):
        for _ in range(seconds):
            self.clock.advance(1)
            self.settle()

    def take(self):
        """Return the messages that the client has received."""
        messages = []
        while True:
            message = self.client.recv(timeout=0)
            messages.append(message)
            if not isinstance(getattr(message, "result", None), (bytes, str)):
                message.addErrback(lambda _: None)
                return [each.result for each in messages[:-1]]
