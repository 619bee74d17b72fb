"""A connection to one address: the way of our own and Twisted's endpoints do the same."""

from socket import socket

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import (
    ConnectingCancelledError,
    ConnectionRefusedError,
    NoProtocol,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from txws2.client import dialing
from txws2.client.dialing import dial


class Talker(Protocol):
    def __init__(self):
        self.gone = Deferred()
        self.heard = b""

    def connectionMade(self):
        self.factory.events.append("made")
        self.transport.write(b"hello")

    def dataReceived(self, data):
        self.heard += data
        if self.heard == b"hello":
            self.transport.loseConnection()

    def connectionLost(self, reason):
        self.factory.events.append("lost")
        self.gone.callback(None)


class Noted(Factory):
    noisy = False
    protocol = Talker

    def __init__(self):
        self.events = []

    def startFactory(self):
        self.events.append("started")

    def stopFactory(self):
        self.events.append("stopped")


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class OwnWayTests(TestCase):
    async def listen(self):
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port = await endpoint.listen(Factory.forProtocol(Echo))
        self.addCleanup(port.stopListening)
        return port.getHost().port

    async def test_the_protocol_gets_its_transport_its_bytes_and_the_end(self):
        factory = Noted()
        talker = await dial(reactor, "127.0.0.1", await self.listen(), factory)
        self.assertEqual(factory.events, ["started", "made"])
        self.assertEqual(talker.transport.logPrefix(), "Talker,client")
        await talker.gone
        self.assertEqual(talker.heard, b"hello")
        self.assertEqual(factory.events, ["started", "made", "lost"])

    async def test_nobody_is_there(self):
        # A socket that is bound, and doesn't listen, keeps its port from others.
        with socket() as bound:
            bound.bind(("127.0.0.1", 0))
            factory = Noted()
            dialing = dial(reactor, "127.0.0.1", bound.getsockname()[1], factory)
            await self.assertFailure(dialing, ConnectionRefusedError)
        self.assertEqual(factory.events, ["started"])

    async def test_a_factory_that_makes_no_protocol(self):
        factory = Noted()
        factory.buildProtocol = lambda address: None
        await self.assertFailure(
            dial(reactor, "127.0.0.1", await self.listen(), factory), NoProtocol
        )

    async def test_a_factory_that_raises(self):
        factory = Noted()
        factory.buildProtocol = lambda address: 1 / 0
        dialing = dial(reactor, "127.0.0.1", await self.listen(), factory)
        await self.assertFailure(dialing, ZeroDivisionError)

    async def test_an_attempt_can_be_cancelled(self):
        factory = Noted()
        dialing = dial(reactor, "127.0.0.1", await self.listen(), factory)
        dialing.cancel()
        await self.assertFailure(dialing, ConnectingCancelledError)
        self.assertEqual(factory.events, ["started", "stopped"])

    async def test_a_factory_that_cannot_start(self):
        await self.assertFailure(dial(reactor, "127.0.0.1", 7, BadStart()), KeyError)


class BadStart(Noted):
    def doStart(self):
        raise KeyError


class TwistedsWayTests(OwnWayTests):
    def setUp(self):
        self.patch(dialing, "_is_ordinary", lambda reactor: False)


class ChoiceTests(SynchronousTestCase):
    def test_reactors_whose_transports_are_unknown_are_left_to_twisted(self):
        other = MemoryReactorClock()
        dial(other, "127.0.0.1", 7, Noted())
        [attempt] = other.tcpClients
        self.assertEqual(type(attempt[2]).__module__, "twisted.internet.endpoints")
