"""A chat room: everybody gets each message."""

from txws2 import ConnectionClosed, WebSocketServerProtocol, broadcast


class Room:
    """Handles the connections of the room; a client that is silent for a minute has to leave."""

    def __init__(self):
        self.here = set()

    async def handler(self, ws):
        self.here.add(ws)
        try:
            while True:
                message = await ws.recv(timeout=60)
                broadcast(self.here, message)
        except TimeoutError:
            await ws.close(4000, "are you asleep?")
        except ConnectionClosed:
            pass
        finally:
            self.here.discard(ws)


class Parrot(WebSocketServerProtocol):
    """Says everything twice."""

    def messageReceived(self, message):
        self.sendMessage(message)
        self.sendMessage(message)
