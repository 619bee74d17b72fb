"""The code of one connection raises, and fifty other connections on real sockets go on."""

from asyncio import CancelledError

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

import txws2
from tests.client.test_insecure import self_signed
from txws2.client.insecure import InsecureTLS

CONNECTIONS = 50
KINDS = (
    ArithmeticError,
    SystemExit,
    KeyboardInterrupt,
    GeneratorExit,
    CancelledError,
    RecursionError,
    MemoryError,
)


class Fault:
    """Lets one connection raise, once, in the hook that a test chooses."""

    def __init__(self):
        self.hook = self.kind = None

    def at(self, hook):
        if hook == self.hook:
            self.hook = None
            raise self.kind


class Fragile(txws2.WebSocketServerProtocol):
    """Echoes messages. It may raise in each of its hooks, and as a producer."""

    hooks = (
        "connectionMade",
        "connectionOpened",
        "messageReceived",
        "pingReceived",
        "pongReceived",
        "stopProducing",
        "connectionLost",
    )

    def __init__(self, fault):
        self.fault = fault

    def connectionMade(self):
        self.fault.at("connectionMade")

    def connectionOpened(self):
        self.registerProducer(self)
        self.fault.at("connectionOpened")

    def messageReceived(self, message):
        self.fault.at("messageReceived")
        self.sendMessage(message)
        # The victim gets this ping before it closes, so it calls pongReceived.
        self.ping()

    def pingReceived(self, payload):
        self.fault.at("pingReceived")

    def pongReceived(self, payload):
        self.fault.at("pongReceived")

    def stopProducing(self):
        self.fault.at("stopProducing")

    def connectionLost(self, reason):
        self.fault.at("connectionLost")


class Stream(Protocol):
    """Echoes bytes; it is wrapped."""

    hooks = ("connectionMade", "dataReceived", "connectionLost")

    def __init__(self, fault):
        self.fault = fault

    def connectionMade(self):
        self.fault.at("connectionMade")

    def dataReceived(self, data):
        self.fault.at("dataReceived")
        self.transport.write(data)

    def connectionLost(self, reason):
        self.fault.at("connectionLost")


class Pinged(txws2.WebSocketClientProtocol):
    """Notes that it was pinged."""

    def __init__(self):
        self.pinged = Deferred()

    def pingReceived(self, payload):
        # Only the first ping matters.
        if not self.pinged.called:
            self.pinged.callback(None)


class IsolationCases:
    """Attack 24: an exception of any class out of one connection's hook or producer."""

    timeout = 110
    fragile = Fragile
    scheme = "ws"

    async def start(self):
        fault = self.fault = Fault()
        port = await self.listen(fault)
        self.addCleanup(port.stopListening)
        self.uri = f"{self.scheme}://127.0.0.1:{port.getHost().port}/"

    def make_factory(self, fault):
        return txws2.WebSocketServerFactory(
            create_protocol=lambda: Fragile(fault), reactor=reactor, ping_interval=0.5
        )

    async def listen(self, fault):
        return await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(
            self.make_factory(fault)
        )

    def connect(self):
        tls = InsecureTLS("127.0.0.1") if self.scheme == "wss" else None
        connecting = txws2.connect(self.uri, create_protocol=Pinged, reactor=reactor, tls=tls)
        return connecting.addCallback(self.connected)

    def connected(self, ws):
        self.addCleanup(ws.close)
        return ws

    async def use(self, ws, message):
        await ws.send(message)
        self.assertEqual(await ws.recv(), message)

    async def use_as_victim(self):
        """Do everything that calls a hook; the connection is closed at the end."""
        try:
            ws = await self.connect()
            await self.use(ws, b"victim")
            await ws.ping()
            await ws.close()
        except txws2.ConnectionClosed as exc:
            self.assertEqual(exc.rcvd.code, 1011)

    async def test_the_others_go_on_and_the_port_accepts(self):
        await self.start()
        others = await gatherResults([self.connect() for _ in range(CONNECTIONS - 1)])
        for kind in KINDS:
            for hook in self.fragile.hooks:
                self.fault.hook, self.fault.kind = hook, kind
                await self.use_as_victim()
                await gatherResults([Deferred.fromCoroutine(self.use(ws, b"on")) for ws in others])
                await self.use(await self.connect(), b"new")
                await self.until_raised()
                self.assertEqual(len(self.flushLoggedErrors(kind)), 1, (hook, kind))
        for ws in others:
            ws.pinged = Deferred()
        await gatherResults([ws.pinged for ws in others])

    async def until_raised(self):
        """Wait until the server has called the hook that raises."""
        while self.fault.hook is not None:
            turn = Deferred()
            reactor.callLater(0, turn.callback, None)
            await turn


class TCPTests(IsolationCases, TestCase):
    pass


class UnsharedTests(IsolationCases, TestCase):
    def make_factory(self, fault):
        return txws2.WebSocketServerFactory(
            create_protocol=lambda: Fragile(fault),
            reactor=reactor,
            ping_interval=0.5,
            share_epoll=False,
        )


class TLSTests(IsolationCases, TestCase):
    scheme = "wss"

    async def listen(self, fault):
        options = PrivateCertificate.loadPEM(self_signed("127.0.0.1")).options()
        return await SSL4ServerEndpoint(reactor, 0, options, interface="127.0.0.1").listen(
            self.make_factory(fault)
        )


class ResourceTests(IsolationCases, TestCase):
    async def listen(self, fault):
        root = Resource()
        root.putChild(b"", txws2.WebSocketResource(self.make_factory(fault)))
        return await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(Site(root))


class WrappedTests(IsolationCases, TestCase):
    fragile = Stream

    def make_factory(self, fault):
        streams = Factory()
        streams.buildProtocol = lambda address: Stream(fault)
        return txws2.WebSocketFactory(streams, text=False, reactor=reactor, ping_interval=0.5)
