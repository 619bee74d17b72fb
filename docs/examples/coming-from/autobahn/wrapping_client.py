"""Autobahn's wrapping/client.py on txws2: python wrapping_client.py ws://127.0.0.1:9000"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import react

from txws2 import WebSocketClientEndpoint


class HelloClient(Protocol):
    """Says hello, and knows nothing of WebSockets."""

    def connectionMade(self):
        print("connected:", self.transport.getPeer())
        self.done = Deferred()
        self.transport.write(b"hello" * 100)

    def dataReceived(self, data):
        print("received:", data.decode())

    def connectionLost(self, reason):
        self.done.callback(None)


async def main(reactor, uri="ws://127.0.0.1:9000"):
    """Connect, and go on until the server hangs up."""
    # Autobahn's server insists on a subprotocol; txws2's doesn't.
    endpoint = WebSocketClientEndpoint(reactor, uri, subprotocols=["binary"])
    hello = await endpoint.connect(Factory.forProtocol(HelloClient))
    await hello.done


if __name__ == "__main__":
    react(main, sys.argv[1:])
