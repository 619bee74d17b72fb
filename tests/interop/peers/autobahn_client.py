"""A client made with Autobahn on Twisted."""

import re

from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    connectWS,
)
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateResponseAccept
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
        connect_next()


def offers(settings):
    if "deflate" not in settings:
        return [PerMessageDeflateOffer()]
    parameters = settings["deflate"]
    if parameters is None:
        return []
    offer = PerMessageDeflateOffer(
        accept_no_context_takeover=parameters.get("client_no_context_takeover", False),
        accept_max_window_bits=parameters.get("client_max_window_bits", False),
        request_no_context_takeover=parameters.get("server_no_context_takeover", False),
        request_max_window_bits=parameters.get("server_max_window_bits", 0),
    )
    return [offer]


def connect_next():
    if not remaining:
        reactor.stop()
        return
    uri, settings = remaining.pop(0)
    factory = WebSocketClientFactory(uri, protocols=settings["subprotocols"])
    factory.protocol = Client
    factory.actions = settings["actions"]
    # The default is a second for the peer's close frame, which a busy machine may take.
    factory.setProtocolOptions(
        closeHandshakeTimeout=30,
        perMessageCompressionOffers=offers(settings),
        perMessageCompressionAccept=PerMessageDeflateResponseAccept,
    )
    connectWS(factory)


remaining = client_arguments()
connect_next()
reactor.run()
