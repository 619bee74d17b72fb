"""A client made with Autobahn on Twisted; see stopwatch.py."""

from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    connectWS,
)
from stopwatch import Push, text, uri
from twisted.internet import reactor

MESSAGE = text.encode()


class Receiver(WebSocketClientProtocol):
    def onOpen(self):
        self.push = Push()
        if self.push.asks:
            self.sendMessage(MESSAGE)

    def onMessage(self, payload, isBinary):
        payload.decode()
        push = self.push
        if push.asks:
            self.sendMessage(MESSAGE)
        push.count()


factory = WebSocketClientFactory(uri)
factory.protocol = Receiver
factory.setProtocolOptions(tcpNoDelay=True)
connectWS(factory)
reactor.run()
