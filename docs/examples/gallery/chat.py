"""A chat with rooms, names and presence.

python chat.py, then http://localhost:8000/
"""

import json
from pathlib import Path

from twisted.web.resource import Resource
from twisted.web.static import File

from txws2 import SAME_ORIGIN, CloseCode, Rooms, WebSocketResource, run

PAGE = str(Path(__file__).with_suffix(".html"))
rooms = Rooms()


async def chat(ws):
    """Serve one person, who says first which room it is, and who comes."""
    try:
        room, name = introduction(await ws.recv(timeout=60))
    except (ValueError, TimeoutError):
        await ws.close(CloseCode.POLICY_VIOLATION, "expected a room and a name")
        return
    await rooms.join(room, ws, name)
    await tell_who_is_here(room)
    try:
        async for text in ws:
            if isinstance(text, bytes):
                await ws.close(CloseCode.UNSUPPORTED_DATA, "expected text")
                return
            await tell(room, {"from": name, "text": text})
    finally:
        # This runs when the person leaves, and when the connection breaks.
        await rooms.leave(room, ws)
        await tell_who_is_here(room)


def introduction(message):
    """Return the room and the name in a message; raise ValueError if they aren't there."""
    try:
        match json.loads(message):
            case {"room": str(room), "name": str(name)} if room.strip() and name.strip():
                return room.strip()[:40], name.strip()[:40]
    except RecursionError:
        pass
    raise ValueError("no room and name")


async def tell_who_is_here(room):
    here = [person.info for person in await rooms.here(room)]
    await tell(room, {"here": sorted(here, key=str.casefold)})


async def tell(room, said):
    await rooms.broadcast(room, json.dumps(said))


def site():
    root = Resource()
    root.putChild(b"", File(PAGE))
    # Other sites' pages may not connect, and nobody sends more than 10 kB at once.
    root.putChild(b"chat", WebSocketResource(chat, origins=[SAME_ORIGIN], max_size=10_000))
    return root


if __name__ == "__main__":
    run(site(), "localhost", 8000)
