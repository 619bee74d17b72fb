"""Base of the tests of streams: wrapped protocols, joined in memory over WebSocket."""

from twisted.internet.address import IPv4Address
from twisted.internet.defer import fail, succeed
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from tests.support.sides import URI, QuietTestCase
from txws2.streams.factories import CarrierClientFactory, WebSocketFactory
from txws2.testing import Joined

# The addresses that are passed to factories.
SERVER = IPv4Address("TCP", "192.0.2.1", 80)
CLIENT = IPv4Address("TCP", "192.0.2.2", 50000)


class Plain(Protocol):
    """A protocol that knows of no WebSocket.

    Attributes:
        received: each piece of data that it got.
        lost: the reasons of connectionLost.
    """

    def __init__(self):
        self.received, self.lost = [], []

    def dataReceived(self, data):
        self.received.append(data)

    def connectionLost(self, reason):
        self.lost.append(reason.value)


class Made(Factory):
    """Makes protocols, and keeps them.

    Attributes:
        made: the protocols.
        addresses: the addresses that buildProtocol was given.
        running: True while it is started.
    """

    noisy = False
    running = False

    def __init__(self, protocol=Plain):
        self.protocol = protocol
        self.made, self.addresses = [], []

    def startFactory(self):
        self.running = True

    def stopFactory(self):
        self.running = False

    def buildProtocol(self, addr):
        self.addresses.append(addr)
        protocol = super().buildProtocol(addr)
        self.made.append(protocol)
        return protocol


class StreamTestCase(QuietTestCase):
    """Has two wrapped protocols, `server` and `client`, and the connection that joins them."""

    def link(self, server=Plain, client=Plain, *, text=False, **options):
        """Join protocols of these classes, with an open connection between them.

        Some options are for one side only; `subprotocols` are those that the client offers.
        """
        offered = options.pop("subprotocols", ())
        path = options.pop("path", None)
        self.servers, self.clients = Made(server), Made(client)
        self.factory = WebSocketFactory(
            self.servers, path=path, text=text, reactor=self.clock, **options
        )
        factory = CarrierClientFactory(
            self.clients, URI, subprotocols=offered, reactor=self.clock, **options
        )
        self.upper = self.factory.buildProtocol(CLIENT)
        self.lower = factory.buildProtocol(SERVER)
        self.lower.wait_opened().addCallbacks(
            lambda carrier: carrier.wrap(self.clients, text=text), lambda failure: None
        )
        self.joined = Joined(self.upper, self.lower, self.clock)
        self.joined.pump()
        self.server = self.servers.made[0] if self.servers.made else None
        self.client = self.clients.made[0] if self.clients.made else None

    def pump(self):
        self.joined.pump()

    def settle(self):
        """Run everything that needs only turns of the reactor."""
        for _ in range(100):
            self.clock.advance(1e-6)
            self.pump()


@implementer(IStreamServerEndpoint, IStreamClientEndpoint)
class MemoryEndpoint:
    """An endpoint in memory, with both its ends.

    Attributes:
        joined: joins the two ends of the latest connection.
        listener: the factory that listens, None if there is none.
    """

    def __init__(self, clock):
        self.clock = clock
        self.listener = self.joined = None

    def listen(self, factory):
        self.listener = factory
        factory.doStart()
        return succeed(self)

    def connect(self, factory):
        factory.doStart()
        if self.listener is None:
            factory.doStop()
            return fail(ConnectError("nobody listens"))
        server = self.listener.buildProtocol(CLIENT)
        client = factory.buildProtocol(SERVER)
        self.joined = Joined(server, client, self.clock)
        return succeed(client)
