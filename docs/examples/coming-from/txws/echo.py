"""txWS's example on txws2: python echo.py tcp:5600"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import react

from txws2 import WebSocketFactory


class Echo(Protocol):
    """Sends all data back."""

    def dataReceived(self, data):
        self.transport.write(data)


async def main(reactor, endpoint="tcp:5600"):
    """Listen, and go on for ever."""
    factory = WebSocketFactory(Factory.forProtocol(Echo), reactor=reactor)
    port = await serverFromString(reactor, endpoint).listen(factory)
    print("listening on port", port.getHost().port)
    await Deferred()


react(main, sys.argv[1:])
