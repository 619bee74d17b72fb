"""Digest authentication by Twisted's guard, in front of a WebSocketResource."""

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase
from twisted.web.guard import DigestCredentialFactory, HTTPAuthSessionWrapper
from twisted.web.resource import IResource
from twisted.web.server import Site
from zope.interface import implementer

import txws2
from txws2.exceptions import InvalidStatus


async def echo(ws):
    async for message in ws:
        await ws.send(message)


@implementer(IRealm)
class Realm:
    """Returns the same resource for every user."""

    def __init__(self, resource):
        self.resource = resource

    def requestAvatar(self, avatarId, mind, *interfaces):
        return IResource, self.resource, lambda: None


class GuardTests(TestCase):
    timeout = 30

    async def start(self, algorithm):
        resource = txws2.WebSocketResource(echo)
        self.addCleanup(resource.close)
        checker = InMemoryUsernamePasswordDatabaseDontUse(me=b"secret")
        factories = [DigestCredentialFactory(algorithm, b"the club")]
        guarded = HTTPAuthSessionWrapper(Portal(Realm(resource), [checker]), factories)
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port = await endpoint.listen(Site(guarded))
        self.addCleanup(port.stopListening)
        return f"127.0.0.1:{port.getHost().port}/chat?room=1"

    async def assertEchoes(self, uri, **options):
        async with txws2.connect(uri, **options) as ws:
            await ws.send("hello")
            self.assertEqual(await ws.recv(), "hello")

    async def test_credentials_of_the_uri(self):
        where = await self.start(b"md5")
        await self.assertEchoes(f"ws://me:secret@{where}")

    async def test_digest_auth(self):
        where = await self.start(b"md5")
        await self.assertEchoes(f"ws://{where}", authentication=txws2.digest_auth("me", "secret"))

    async def test_a_wrong_password_is_refused(self):
        where = await self.start(b"md5")
        refused = await self.assertFailure(txws2.connect(f"ws://me:wrong@{where}"), InvalidStatus)
        self.assertEqual(refused.response.status_code, 401)

    async def test_any_protocol_over_an_endpoint(self):
        where = await self.start(b"md5")
        endpoint = txws2.WebSocketClientEndpoint(
            reactor, f"ws://{where}", text=True, authentication=txws2.digest_auth("me", "secret")
        )
        protocol = await endpoint.connect(Factory.forProtocol(Listening))
        protocol.transport.write(b"hello")
        self.assertEqual(await protocol.heard, b"hello")
        protocol.transport.loseConnection()
        await protocol.transport.websocket.wait_closed()


class Listening(Protocol):
    """Keeps the first data."""

    def __init__(self):
        self.heard = Deferred()

    def dataReceived(self, data):
        self.heard.callback(data)
