"""Autobahn's broadcast/server.py on txws2: python broadcast_server.py tcp:9000"""

import sys

from twisted.internet.endpoints import serverFromString
from twisted.internet.task import LoopingCall, react

from txws2 import WebSocketServerFactory, WebSocketServerProtocol, broadcast


class Speaker(WebSocketServerProtocol):
    """Sends each text message to everybody."""

    def connectionOpened(self):
        print("here:", self.remote_address)

    def messageReceived(self, message):
        if isinstance(message, str):
            host, port = self.remote_address
            self.factory.tell(f"{message} from {host}:{port}")

    def connectionLost(self, reason):
        print("gone:", self.remote_address)


class SpeakersFactory(WebSocketServerFactory):
    """Sends texts and ticks to all its connections."""

    ticks = 0

    def tick(self):
        self.ticks += 1
        self.tell(f"tick {self.ticks} from server")

    def tell(self, message):
        print("broadcast:", message)
        broadcast(self.connections, message)


async def main(reactor, endpoint="tcp:9000"):
    """Listen, and tick for ever."""
    factory = SpeakersFactory(create_protocol=Speaker, reactor=reactor)
    port = await serverFromString(reactor, endpoint).listen(factory)
    print("listening on port", port.getHost().port)
    await LoopingCall(factory.tick).start(1)


react(main, sys.argv[1:])
