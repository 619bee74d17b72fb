"""A chat with rooms: python chat.py, then http://localhost:8000/ in two tabs."""

import json
from collections import deque

from twisted.web.static import File

import txws2

ROOMS = ["lobby", "garden", "kitchen"]

rooms = txws2.Rooms()
history = {room: deque(maxlen=50) for room in ROOMS}


async def tell(room, news, but=None):
    """Send news to everybody in a room."""
    await rooms.broadcast(room, json.dumps(news), but=but)


async def chat(ws, room):
    """Serve one visitor of a room, until the visitor leaves."""
    if room not in history:
        await ws.close(4004, "there is no such room")
        return
    name = ws.request.query.get("name", "")[:20] or "somebody"
    await rooms.join(room, ws, name)
    here = [visitor.info for visitor in await rooms.here(room)]
    await ws.send(json.dumps({"here": here, "history": list(history[room])}))
    await tell(room, {"joined": name}, but=ws)
    try:
        async for text in ws:
            if isinstance(text, bytes):
                await ws.close(1003, "this chat is for text")
                return
            said = {"from": name, "text": text}
            history[room].append(said)
            await tell(room, said)
    finally:
        await rooms.leave(room, ws)
        await tell(room, {"left": name})


handler = txws2.route({"/ws/{room}": chat})


def server():
    factory = txws2.WebSocketServerFactory(
        handler, origins=[txws2.SAME_ORIGIN, None], max_size=2000
    )
    return txws2.Mounts({"/ws": factory}, site=File("public"))


if __name__ == "__main__":
    txws2.run(server(), "localhost", 8000)
