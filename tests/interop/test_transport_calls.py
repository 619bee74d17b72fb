"""Twisted code calls methods of a transport directly, on every kind of transport."""

from shutil import rmtree
from tempfile import mkdtemp

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    TCP4ServerEndpoint,
    UNIXServerEndpoint,
)
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import deferLater
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import TimeoutFactory, TimeoutMixin
from twisted.trial.unittest import TestCase
from twisted.web.server import Site

import txws2
from tests.client.test_insecure import self_signed
from txws2._connection.handle import driver_of
from txws2.client.insecure import InsecureTLS

HOST = "127.0.0.1"
CERTIFICATE = PrivateCertificate.loadPEM(self_signed("localhost"))
# This is more than a system buffers for one socket.
LARGE = bytes(2**20)
MANY = 16


class Server(TimeoutMixin, txws2.WebSocketServerProtocol):
    """Echoes; `opened` fires when it is open, and `gone` with the reason when it is lost."""

    def __init__(self):
        super().__init__()
        self.opened, self.gone = Deferred(), Deferred()

    def connectionOpened(self):
        self.opened.callback(None)

    def messageReceived(self, message):
        self.sendMessage(message)

    def connectionLost(self, reason):
        self.setTimeout(None)
        self.gone.callback(reason.value)

    def send_much(self):
        for _ in range(MANY):
            self.sendMessage(LARGE)


class TransportCases:
    """The cases for a transport; `listen` and `connect` make it."""

    timeout = 30

    secure = False
    # The wrapping factory for the factory, if there is one.
    policy = None

    async def start(self):
        self.server = Server()
        self.factory = self.make_factory(create_protocol=lambda: self.server)
        if self.policy is not None:
            self.factory = self.policy(self.factory)
        self.port = await self.endpoint().listen(self.factory)
        self.addCleanup(self.port.stopListening)
        self.client = await self.connect()
        self.addCleanup(self.leave)
        await self.server.opened
        self.transport = self.server.transport

    def leave(self):
        if self.client.state is not txws2.State.CLOSED:
            self.client.transport.abortConnection()
        return self.client.wait_closed()

    def make_factory(self, **options):
        return txws2.WebSocketServerFactory(compression=None, **options)

    def endpoint(self):
        if self.secure:
            return SSL4ServerEndpoint(reactor, 0, CERTIFICATE.options(), interface=HOST)
        return TCP4ServerEndpoint(reactor, 0, interface=HOST)

    def connect(self):
        scheme, options = ("wss", {"tls": InsecureTLS(HOST)}) if self.secure else ("ws", {})
        port = self.port.getHost().port
        return txws2.connect(f"{scheme}://{HOST}:{port}/", max_size=None, **options)

    async def receive_many(self):
        for _ in range(MANY):
            self.assertEqual(len(await self.client.recv()), len(LARGE))

    async def assertEnds(self):
        await self.assertFailure(self.client.recv(), txws2.ConnectionClosedError)
        return await self.server.gone

    async def test_lose_connection_closes(self):
        await self.start()
        self.transport.loseConnection()
        reason = await self.assertEnds()
        self.assertEqual(str(reason), "no close frame received or sent")

    async def test_lose_connection_closes_after_all_that_was_sent_before(self):
        await self.start()
        self.server.send_much()
        self.transport.loseConnection()
        # The client must not read everything before many bytes wait in the server.
        await deferLater(reactor, 0.1)
        await self.receive_many()
        await self.assertEnds()

    async def test_nothing_is_echoed_any_more_then(self):
        await self.start()
        self.server.send_much()
        self.transport.loseConnection()
        self.client.sendMessage("hello?")
        await self.receive_many()
        await self.assertEnds()

    async def test_messages_sent_within_the_same_read_leave_before(self):
        await self.start()

        def leave(message):
            self.server.sendMessage("bye")
            self.transport.loseConnection()

        self.server.messageReceived = leave
        self.client.sendMessage("leave")
        self.assertEqual(await self.client.recv(), "bye")
        await self.assertEnds()

    async def test_a_timeout_mixin_closes(self):
        await self.start()
        self.server.setTimeout(0.05)
        await self.assertEnds()

    async def test_abort_connection_closes_at_once(self):
        await self.start()
        self.server.send_much()
        self.transport.abortConnection()
        await self.server.gone

    async def test_lose_write_connection_ends_what_we_say(self):
        await self.start()
        self.server.send_much()
        self.transport.loseWriteConnection()
        await self.receive_many()
        await self.assertEnds()

    async def test_tcp_keepalive_can_be_set(self):
        await self.start()
        self.transport.setTcpKeepAlive(True)
        self.assertTrue(self.transport.getTcpKeepAlive())
        await self.echoes()

    async def test_reading_can_be_stopped_and_started(self):
        await self.start()
        self.transport.stopReading()
        self.client.sendMessage("hello")
        echoed = self.client.recv()
        await deferLater(reactor, 0.05)
        self.assertFalse(echoed.called)
        self.transport.startReading()
        self.assertEqual(await echoed, "hello")

    async def test_a_producer_is_refused_there_and_belongs_to_the_websocket(self):
        await self.start()
        producer = StringTransport()
        self.assertRaises(RuntimeError, self.transport.registerProducer, producer, True)
        self.server.registerProducer(producer)
        self.server.send_much()
        self.assertEqual(producer.producerState, "paused")
        await self.receive_many()
        await self.echoes()
        self.assertEqual(producer.producerState, "producing")

    async def test_the_certificate_of_the_peer_can_be_asked_for_over_tls(self):
        await self.start()
        self.assertEqual(ISSLTransport.providedBy(self.transport), self.secure)
        if self.secure:
            self.assertIsNone(self.transport.getPeerCertificate())
            shown = self.client.transport.getPeerCertificate()
            self.assertEqual(shown.to_cryptography(), CERTIFICATE.original.to_cryptography())

    async def echoes(self):
        self.client.sendMessage("hello")
        self.assertEqual(await self.client.recv(), "hello")


class TCPTests(TransportCases, TestCase):
    async def test_a_normal_close_asks_the_system_nothing(self):
        await self.start()
        await self.client.close()
        await self.server.gone
        self.assertIsNone(driver_of(self.server).ending.progress)


class TLSTests(TransportCases, TestCase):
    secure = True


class PolicyCases:
    """The cases under a policy, which is a transport of its own."""

    def policy(self, factory):
        return TimeoutFactory(factory, timeoutPeriod=None)

    async def test_the_policy_closes(self):
        await self.start()
        self.transport.setTimeout(0.05)
        await self.assertEnds()


class TCPPolicyTests(PolicyCases, TransportCases, TestCase):
    pass


class TLSPolicyTests(PolicyCases, TransportCases, TestCase):
    secure = True


class UnixTests(TransportCases, TestCase):
    def endpoint(self):
        directory = mkdtemp()
        self.addCleanup(rmtree, directory)
        self.path = directory + "/socket"
        return UNIXServerEndpoint(reactor, self.path)

    def connect(self):
        return txws2.unix_connect(self.path, max_size=None)


class SiteCases(TransportCases):
    """The cases in a resource of twisted.web."""

    def make_factory(self, **options):
        self.resource = txws2.WebSocketResource(compression=None, **options)
        return Site(self.resource)


class HTTPTests(SiteCases, TestCase):
    pass


class HTTPSTests(SiteCases, TestCase):
    secure = True
