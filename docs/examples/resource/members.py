"""An echo for those who have a name and a password in members.txt, as ada:secret."""

from twisted.cred.checkers import FilePasswordDB
from twisted.cred.portal import IRealm, Portal
from twisted.web.guard import BasicCredentialFactory, HTTPAuthSessionWrapper
from twisted.web.resource import IResource, Resource
from zope.interface import implementer

import txws2


async def echo(ws):
    async for message in ws:
        await ws.send(message)


chat = txws2.WebSocketResource(echo)


@implementer(IRealm)
class Members:
    def requestAvatar(self, avatarId, mind, *interfaces):
        return IResource, chat, lambda: None


root = Resource()
portal = Portal(Members(), [FilePasswordDB("members.txt")])
root.putChild(b"members", HTTPAuthSessionWrapper(portal, [BasicCredentialFactory(b"members")]))
txws2.run(root, "localhost", 8000)
