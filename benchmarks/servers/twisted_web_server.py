"""An echo made with twisted.web.websocket: twisted_web_server.py PORT [broadcast] [tls=PEM]"""

import sys

from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.websocket import WebSocketResource

port = sys.argv[1]
options = dict(option.partition("=")[::2] for option in sys.argv[2:])
everybody = set()


class Echo:
    def negotiationStarted(self, transport):
        self.transport = transport
        everybody.add(self)

    def negotiationFinished(self):
        pass

    def textMessageReceived(self, message):
        self.transport.sendTextMessage(message)

    def bytesMessageReceived(self, message):
        self.transport.sendBytesMessage(message)

    def pongReceived(self, payload):
        pass

    def connectionLost(self, reason):
        everybody.discard(self)


class Relay(Echo):
    def textMessageReceived(self, message):
        for protocol in everybody:
            protocol.transport.sendTextMessage(message)


class Echoes:
    def buildProtocol(self, request):
        return Relay() if "broadcast" in options else Echo()


root = Resource()
root.putChild(b"", WebSocketResource(Echoes()))
if pem := options.get("tls"):
    endpoint = f"ssl:{port}:backlog=1024:interface=127.0.0.1:privateKey={pem}:certKey={pem}"
else:
    endpoint = f"tcp:{port}:backlog=1024:interface=127.0.0.1"
serverFromString(reactor, endpoint).listen(Site(root))
reactor.run()
