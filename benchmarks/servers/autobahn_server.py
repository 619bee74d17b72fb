"""An echo made with Autobahn on Twisted: autobahn_server.py PORT [deflate] [broadcast] [tls=PEM]"""

import sys

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString

port = sys.argv[1]
options = dict(option.partition("=")[::2] for option in sys.argv[2:])
everybody = set()


class Echo(WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)


class Relay(WebSocketServerProtocol):
    def onOpen(self):
        everybody.add(self)

    def onClose(self, wasClean, code, reason):
        everybody.discard(self)

    def onMessage(self, payload, isBinary):
        prepared = self.factory.prepareMessage(payload, isBinary)
        for connection in everybody:
            connection.sendPreparedMessage(prepared)


def accept(offers):
    """Agree on the first offer of permessage-deflate."""
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer)
    return None


factory = WebSocketServerFactory()
factory.protocol = Relay if "broadcast" in options else Echo
factory.setProtocolOptions(tcpNoDelay=True)
if "deflate" in options:
    factory.setProtocolOptions(perMessageCompressionAccept=accept)
if pem := options.get("tls"):
    endpoint = f"ssl:{port}:backlog=1024:interface=127.0.0.1:privateKey={pem}:certKey={pem}"
else:
    endpoint = f"tcp:{port}:backlog=1024:interface=127.0.0.1"
serverFromString(reactor, endpoint).listen(factory)
reactor.run()
