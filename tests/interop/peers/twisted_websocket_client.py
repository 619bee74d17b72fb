"""A client made with twisted.web.websocket: it sends a greeting, and prints what it receives."""

import sys

from observations import observe
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.web.websocket import WebSocketClientEndpoint


class Client:
    @classmethod
    def buildProtocol(cls, url):
        return cls()

    def negotiationStarted(self, transport):
        self.transport = transport

    def negotiationFinished(self):
        self.transport.sendTextMessage("hello, world!")

    def textMessageReceived(self, message):
        observe(heard=message)

    def bytesMessageReceived(self, data):
        observe(heard=len(data))

    def pongReceived(self, payload):
        pass

    def connectionLost(self, reason):
        pass


async def main(reactor, url):
    await WebSocketClientEndpoint.new(reactor, url).connect(Client)
    await Deferred()


react(main, sys.argv[1:])
