"""A client made with Autobahn: it sends its arguments, and prints the messages that it receives."""

import sys

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS
from observations import observe
from twisted.internet import reactor


class Client(WebSocketClientProtocol):
    def onOpen(self):
        for said in sys.argv[2:]:
            self.sendMessage(said.encode())
        self.sendMessage(bytes(4), isBinary=True)

    def onMessage(self, payload, isBinary):
        observe(heard=len(payload) if isBinary else payload.decode())


factory = WebSocketClientFactory(sys.argv[1])
factory.protocol = Client
connectWS(factory)
reactor.run()
