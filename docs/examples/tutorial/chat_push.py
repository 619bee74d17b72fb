"""The same chat in push style: python chat_push.py"""

import json
from urllib.parse import urlsplit

from chat import history, rooms, tell
from twisted.web.static import File

import txws2


class Chat(txws2.WebSocketServerProtocol):
    """One visitor of a room."""

    room = name = None

    async def connectionOpened(self):
        room = urlsplit(self.request.path).path.removeprefix("/ws/")
        if room not in history:
            self.close(4004, "there is no such room")
            return
        self.room = room
        self.name = self.request.query.get("name", "")[:20] or "somebody"
        await rooms.join(room, self, self.name)
        here = [visitor.info for visitor in await rooms.here(room)]
        self.sendMessage(json.dumps({"here": here, "history": list(history[room])}))
        await tell(room, {"joined": self.name}, but=self)

    async def messageReceived(self, message):
        if isinstance(message, bytes):
            self.close(1003, "this chat is for text")
            return
        said = {"from": self.name, "text": message}
        history[self.room].append(said)
        await tell(self.room, said)

    async def connectionLost(self, reason):
        # It is called for connections that were never in a room, too.
        if self.room is not None:
            await rooms.leave(self.room, self)
            await tell(self.room, {"left": self.name})


def server():
    factory = txws2.WebSocketServerFactory(
        create_protocol=Chat, origins=[txws2.SAME_ORIGIN, None], max_size=2000
    )
    return txws2.Mounts({"/ws": factory}, site=File("public"))


if __name__ == "__main__":
    txws2.run(server(), "localhost", 8000)
