"""Applications for `twistd ws --app`: an echo in pull style, and a broadcast of every message."""

from txws2 import WebSocketServerProtocol, broadcast


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class Relay(WebSocketServerProtocol):
    def messageReceived(self, message):
        broadcast(self.factory.connections, message)
