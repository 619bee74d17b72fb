"""Autobahn's echo/server.py on txws2: python echo_server.py tcp:9000"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react

from txws2 import WebSocketServerFactory, WebSocketServerProtocol


class Echo(WebSocketServerProtocol):
    """Sends every message back."""

    def connectionOpened(self):
        print("open:", self.remote_address)

    def messageReceived(self, message):
        if isinstance(message, bytes):
            print("received:", len(message), "bytes")
        else:
            print("received:", message)
        self.sendMessage(message)

    def connectionLost(self, reason):
        print("closed:", reason.value)


def connecting(ws, request):
    """Print the address and the path; returning None lets the handshake go on."""
    print("connecting:", ws.remote_address, request.path)


async def main(reactor, endpoint="tcp:9000"):
    """Listen, and go on for ever."""
    factory = WebSocketServerFactory(
        create_protocol=Echo, process_request=connecting, reactor=reactor
    )
    port = await serverFromString(reactor, endpoint).listen(factory)
    print("listening on port", port.getHost().port)
    await Deferred()


react(main, sys.argv[1:])
