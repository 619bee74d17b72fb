"""Adds numbers over AMP: python amp_server.py ws:8000:path=/amp"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.protocols.amp import AMP, Command, Integer


class Sum(Command):
    """Adds two numbers."""

    arguments = [(b"a", Integer()), (b"b", Integer())]
    response = [(b"total", Integer())]


class Calculator(AMP):
    """Adds numbers for its client."""

    @Sum.responder
    def add(self, a, b):
        """Return the sum."""
        return {"total": a + b}


async def main(reactor, endpoint):
    """Listen, and go on for ever."""
    port = await serverFromString(reactor, endpoint).listen(Factory.forProtocol(Calculator))
    print("listening on port", port.getHost().port, flush=True)
    await Deferred()


if __name__ == "__main__":
    react(lambda reactor, *words: Deferred.fromCoroutine(main(reactor, *words)), sys.argv[1:])
