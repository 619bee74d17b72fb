"""Autobahn's wrapping/server.py on txws2: python wrapping_server.py tcp:9000"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import react

from txws2 import WebSocketFactory


class HelloServer(Protocol):
    """Asks how the client is, and knows nothing of WebSockets."""

    def connectionMade(self):
        print("connected:", self.transport.getPeer())
        self.transport.write(b"how are you?" * 100)

    def dataReceived(self, data):
        print("received:", data.decode())


async def main(reactor, endpoint="tcp:9000"):
    """Listen, and go on for ever."""
    factory = WebSocketFactory(Factory.forProtocol(HelloServer), text=False, reactor=reactor)
    port = await serverFromString(reactor, endpoint).listen(factory)
    print("listening on port", port.getHost().port)
    await Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
