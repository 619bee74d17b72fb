"""A server made with Autobahn on Twisted."""

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from autobahn.websocket.types import ConnectionDeny
from autobahn_play import Player
from observations import observe, server_arguments
from twisted.internet import reactor


class Server(Player, WebSocketServerProtocol):
    def onConnect(self, request):
        if request.path != "/":
            raise ConnectionDeny(404, "nothing here")
        common = (name for name in request.protocols if name in self.factory.protocols)
        return next(common, None)


def accepting(parameters):
    """Return a function that accepts an offer; its wishes are only about the client's messages."""

    def accept(offers):
        for offer in offers:
            if parameters is not None and isinstance(offer, PerMessageDeflateOffer):
                return PerMessageDeflateOfferAccept(
                    offer,
                    request_no_context_takeover=parameters.get("client_no_context_takeover", False),
                    request_max_window_bits=parameters.get("client_max_window_bits", 0),
                )
        return None

    return accept


for settings in server_arguments():
    factory = WebSocketServerFactory(protocols=settings["subprotocols"])
    factory.protocol = Server
    factory.actions = settings["actions"]
    accept = accepting(settings.get("deflate", {}))
    # The default is a second for the peer's close frame, which a busy machine may take.
    factory.setProtocolOptions(perMessageCompressionAccept=accept, closeHandshakeTimeout=30)
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    observe(port=port.getHost().port)
reactor.run()
