"""A client made with Autobahn on Twisted."""

import re

from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    connectWS,
)
from autobahn.websocket.compress import PerMessageDeflateOffer
from autobahn_play import Player
from observations import client_arguments, observe
from twisted.internet import reactor


class Client(Player, WebSocketClientProtocol):
    opened = False

    def onOpen(self):
        self.opened = True
        super().onOpen()

    def onClose(self, wasClean, code, reason):
        if self.opened:
            super().onClose(wasClean, code, reason)
        else:
            observe(refused=int(re.search(r"upgrade failed \[(\d+)", reason)[1]))

    def connectionLost(self, reason):
        super().connectionLost(reason)
        reactor.stop()


uri, settings = client_arguments()
factory = WebSocketClientFactory(uri, protocols=settings["subprotocols"])
factory.protocol = Client
factory.actions = settings["actions"]
factory.setProtocolOptions(perMessageCompressionOffers=[PerMessageDeflateOffer()])
connectWS(factory)
reactor.run()
