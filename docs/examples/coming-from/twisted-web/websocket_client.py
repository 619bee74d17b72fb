"""Twisted's example websocket-client.py on txws2: python websocket_client.py URI"""

import sys

from twisted.internet.task import deferLater, react

from txws2 import WebSocketClientProtocol, connect

URI = "ws://localhost:8080/websocket_server.rpy"


class Demo(WebSocketClientProtocol):
    """Says hello, and prints each message."""

    def connectionOpened(self):
        self.sendMessage("hello, world!")

    def messageReceived(self, message):
        print(f"received: {message!r}")


async def main(reactor, uri=URI):
    """Listen to the server for ten seconds."""
    print("connecting...")
    async with connect(uri, create_protocol=Demo, reactor=reactor):
        print("connected!")
        await deferLater(reactor, 10)


react(main, sys.argv[1:])
