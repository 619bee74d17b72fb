"""For `twistd ws --app`: an echo in push style, and a relay of every message to everybody."""

from txws2 import WebSocketServerProtocol, broadcast


class Echo(WebSocketServerProtocol):
    def messageReceived(self, message):
        self.sendMessage(message)


class Relay(WebSocketServerProtocol):
    def messageReceived(self, message):
        broadcast(self.factory.connections, message)
