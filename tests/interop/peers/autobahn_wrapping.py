"""Either end of a stream that Autobahn wraps: `server`, or `client` and a URI."""

import sys

from autobahn.twisted.websocket import (
    WrappingWebSocketClientFactory,
    WrappingWebSocketServerFactory,
    connectWS,
)
from observations import observe
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol


class Peer(Protocol):
    """Sends a word, and prints the data that it receives."""

    def connectionMade(self):
        self.transport.write(b"from the peer")

    def dataReceived(self, data):
        observe(heard=data.decode())


role, *uri = sys.argv[1:]
if role == "server":
    factory = WrappingWebSocketServerFactory(Factory.forProtocol(Peer), "ws://127.0.0.1")
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    observe(port=port.getHost().port)
else:
    connectWS(WrappingWebSocketClientFactory(Factory.forProtocol(Peer), *uri))
reactor.run()
