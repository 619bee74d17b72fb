"""Twisted's own protocols, unchanged, over WebSocket and real sockets."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.avatar import ConchUser
from twisted.conch.interfaces import ISession
from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import NS
from twisted.conch.ssh.connection import SSHConnection
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.session import SSHSession, wrapProtocol
from twisted.conch.ssh.transport import SSHClientTransport
from twisted.conch.ssh.userauth import SSHUserAuthClient
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.endpoints import TCP4ServerEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.amp import AMP, Command, Integer, String
from twisted.protocols.basic import LineReceiver
from twisted.spread import pb
from twisted.trial.unittest import TestCase
from zope.interface import implementer

import txws2
from txws2 import WebSocketClientEndpoint, WebSocketFactory, WebSocketServerEndpoint

# This is too much for one message, or for one read.
LARGE = bytes(range(256)) * 800


class WrappingTestCase(TestCase):
    timeout = 30

    async def serve(self, factory):
        """Serve a factory's protocols over WebSocket; return an endpoint that reaches them."""
        below = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port = await WebSocketServerEndpoint(below).listen(factory)
        self.addCleanup(port.stopListening)
        return WebSocketClientEndpoint(reactor, f"ws://127.0.0.1:{port.getHost().port}/")


class Ended:
    """Notes how its connection is lost.

    Attributes:
        ended: fires with the reason.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.ended = Deferred()

    def connectionLost(self, reason):
        super().connectionLost(reason)
        self.ended.callback(reason.value)


class Sum(Command):
    arguments = [(b"a", Integer()), (b"b", Integer())]
    response = [(b"total", Integer())]
    errors = {ZeroDivisionError: b"ZERO"}


class Blob(Command):
    arguments = [(b"data", String())]
    response = [(b"data", String())]


class Calculator(AMP):
    @Sum.responder
    def sum(self, a, b):
        if a == b == 0:
            raise ZeroDivisionError("nothing to add")
        return {"total": a + b}

    @Blob.responder
    def blob(self, data):
        return {"data": data[::-1]}


class AMPTests(WrappingTestCase):
    async def test_both_sides_can_call(self):
        made = []

        class Remembered(Ended, Calculator):
            def connectionMade(self):
                super().connectionMade()
                made.append(self)

        endpoint = await self.serve(Factory.forProtocol(Remembered))
        client = await connectProtocol(endpoint, Calculator())
        totals = await gatherResults(
            [client.callRemote(Sum, a=number, b=number) for number in range(1, 100)]
        )
        self.assertEqual([total["total"] for total in totals], list(range(2, 200, 2)))
        await self.assertFailure(client.callRemote(Sum, a=0, b=0), ZeroDivisionError)
        [server] = made
        answer = await server.callRemote(Blob, data=LARGE[:60000])
        self.assertEqual(answer["data"], LARGE[59999::-1])
        client.transport.loseConnection()
        await server.ended


class Store(pb.Root):
    def __init__(self):
        self.kept = []

    def remote_keep(self, value):
        self.kept.append(value)
        return len(self.kept)

    def remote_call(self, reference, value):
        return reference.callRemote("twice", value)


class Doubler(pb.Referenceable):
    def remote_twice(self, value):
        return value * 2


class PerspectiveBrokerTests(WrappingTestCase):
    async def test_objects_are_called_both_ways(self):
        store = Store()
        endpoint = await self.serve(pb.PBServerFactory(store))
        clients = pb.PBClientFactory()
        broker = await endpoint.connect(clients)
        root = await clients.getRootObject()
        self.assertEqual(await root.callRemote("keep", {"large": LARGE}), 1)
        self.assertEqual(store.kept, [{"large": LARGE}])
        self.assertEqual(await root.callRemote("call", Doubler(), "ab"), "abab")
        gone = Deferred()
        root.notifyOnDisconnect(gone.callback)
        broker.transport.loseConnection()
        await gone


class Shouter(LineReceiver):
    def lineReceived(self, line):
        if line == b"bye":
            self.transport.loseConnection()
        else:
            self.sendLine(line.upper())


class Listener(Ended, LineReceiver):
    def __init__(self):
        super().__init__()
        self.heard = []

    def lineReceived(self, line):
        self.heard.append(line)


class LineReceiverTests(WrappingTestCase):
    async def test_lines_are_answered_until_it_hangs_up(self):
        endpoint = await self.serve(Factory.forProtocol(Shouter))
        client = await connectProtocol(endpoint, Listener())
        lines = [b"line %d" % number for number in range(1000)]
        for line in [*lines, b"bye", b"anybody there?"]:
            client.sendLine(line)
        reason = await client.ended
        self.assertEqual(client.heard, [line.upper() for line in lines])
        self.assertIsInstance(reason.__cause__, txws2.ConnectionClosedOK)


class Reverser(Protocol):
    """Sends the first data back in reverse, and ends."""

    def dataReceived(self, data):
        self.transport.write(data[::-1])
        self.transport.loseConnection()


@implementer(ISession)
class Session:
    """Runs any command by the same protocol."""

    def __init__(self, avatar):
        pass

    def execCommand(self, process, command):
        protocol = Reverser()
        protocol.makeConnection(process)
        process.makeConnection(wrapProtocol(protocol))

    def eofReceived(self):
        pass

    def closed(self):
        pass


class Avatar(ConchUser):
    def __init__(self):
        super().__init__()
        self.channelLookup[b"session"] = SSHSession

    def __conform__(self, interface):
        return Session(self) if interface is ISession else None


@implementer(IRealm)
class Realm:
    def requestAvatar(self, name, mind, *interfaces):
        return interfaces[0], Avatar(), lambda: None


class UserAuth(SSHUserAuthClient):
    def getPassword(self, prompt=None):
        return succeed(b"secret")


class CommandChannel(SSHChannel):
    name = b"session"

    async def run(self):
        await self.conn.sendRequest(self, b"exec", NS(b"reverse"), wantReply=True)
        self.write(b"over WebSocket")

    def channelOpen(self, _):
        Deferred.fromCoroutine(self.run()).addErrback(self.conn.said.errback)

    def dataReceived(self, data):
        self.conn.said.callback(data)


class Commands(SSHConnection):
    def serviceStarted(self):
        super().serviceStarted()
        self.openChannel(CommandChannel(conn=self))


class Client(Ended, SSHClientTransport):
    """Logs in, runs a command, and gives its output to `said`."""

    def __init__(self):
        super().__init__()
        self.said = Deferred()

    def verifyHostKey(self, key, fingerprint):
        self.host_key = Key.fromString(key)
        return succeed(True)

    def connectionSecure(self):
        commands = Commands()
        commands.said = self.said
        self.requestService(UserAuth(b"alice", commands))


class SSHTests(WrappingTestCase):
    async def test_a_command_is_run_after_key_exchange_and_login(self):
        key = Key(Ed25519PrivateKey.generate())
        factory = SSHFactory()
        factory.publicKeys = {key.sshType(): key.public()}
        factory.privateKeys = {key.sshType(): key}
        users = InMemoryUsernamePasswordDatabaseDontUse(alice=b"secret")
        factory.portal = Portal(Realm(), [users])
        endpoint = await self.serve(factory)
        client = await connectProtocol(endpoint, Client())
        self.assertEqual(await client.said, b"tekcoSbeW revo")
        self.assertEqual(client.host_key, key.public())
        client.loseConnection()
        await client.ended


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class TxWSTests(TestCase):
    timeout = 30

    async def test_a_program_for_txws_needs_another_import_and_nothing_else(self):
        port = reactor.listenTCP(0, WebSocketFactory(Factory.forProtocol(Echo)))
        self.addCleanup(port.stopListening)
        async with txws2.connect(f"ws://127.0.0.1:{port.getHost().port}/") as ws:
            await ws.send("grüß dich")
            self.assertEqual(await ws.recv(), "grüß dich")
