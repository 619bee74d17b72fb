"""Autobahn's echo/client.py on txws2: python echo_client.py ws://127.0.0.1:9000"""

import sys

from twisted.internet.task import LoopingCall, react

from txws2 import WebSocketClientProtocol, connect


class Hello(WebSocketClientProtocol):
    """Says hello each second, in text and in binary."""

    def connectionOpened(self):
        print("open:", self.remote_address)
        LoopingCall(self.say_hello).start(1)

    def say_hello(self):
        # Once the connection is closing, this does nothing.
        self.sendMessage("Hello, world!")
        self.sendMessage(b"\x00\x01\x03\x04")

    def messageReceived(self, message):
        if isinstance(message, bytes):
            print("received:", len(message), "bytes")
        else:
            print("received:", message)

    def connectionLost(self, reason):
        print("closed:", reason.value)


async def main(reactor, uri="ws://127.0.0.1:9000"):
    """Connect, or fail with the reason; end with the connection."""
    ws = await connect(uri, create_protocol=Hello, reactor=reactor)
    await ws.wait_closed()


react(main, sys.argv[1:])
