"""Twisted's example websocket-server.rpy on txws2: twist web --path . --listen tcp:8080"""

from twisted.internet.task import LoopingCall

from txws2 import WebSocketResource, WebSocketServerProtocol


class Demo(WebSocketServerProtocol):
    """Sends a heartbeat each second, and replies to each message."""

    loop = None
    beats = 0

    def connectionOpened(self):
        self.loop = LoopingCall(self.beat)
        self.loop.start(1)

    def beat(self):
        self.beats += 1
        self.sendMessage(f"heartbeat {self.beats}")

    def messageReceived(self, message):
        self.sendMessage(f"reply to {message}")

    def connectionLost(self, reason):
        # If the handshake failed, there is no loop.
        if self.loop is not None:
            self.loop.stop()


resource = WebSocketResource(create_protocol=Demo)
cache()
