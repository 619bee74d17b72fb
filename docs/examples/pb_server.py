"""Keeps notes for Perspective Broker: python pb_server.py ws:8000:path=/notes"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.spread import pb


class Notes(pb.Root):
    """Keeps the notes of all clients."""

    def __init__(self):
        self.notes = []

    def remote_keep(self, note):
        """Keep one note; return all notes."""
        self.notes.append(note)
        return self.notes


async def main(reactor, endpoint):
    """Listen, and go on for ever."""
    port = await serverFromString(reactor, endpoint).listen(pb.PBServerFactory(Notes()))
    print("listening on port", port.getHost().port, flush=True)
    await Deferred()


react(lambda reactor, *words: Deferred.fromCoroutine(main(reactor, *words)), sys.argv[1:])
