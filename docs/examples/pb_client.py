"""Keeps a note on a server of Perspective Broker: python pb_client.py ws:localhost:8000:/notes"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.task import react
from twisted.spread import pb


async def main(reactor, endpoint):
    """Connect, keep a note, and print all notes."""
    factory = pb.PBClientFactory()
    await clientFromString(reactor, endpoint).connect(factory)
    notes = await factory.getRootObject()
    print(await notes.callRemote("keep", "buy milk"))


react(lambda reactor, *words: Deferred.fromCoroutine(main(reactor, *words)), sys.argv[1:])
