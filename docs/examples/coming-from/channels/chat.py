"""A chat with rooms, for people who have logged in."""

import json
import sqlite3

from twisted.internet.threads import deferToThread

import txws2

rooms = txws2.Rooms()


def find_user(key):
    """Return the name of a session's user, or None; called in a thread."""
    with sqlite3.connect("sessions.db") as database:
        row = database.execute("SELECT user FROM session WHERE key = ?", [key]).fetchone()
    return row and row[0]


async def logged_in(ws, request):
    """Refuse clients without a session."""
    ws.user = await deferToThread(find_user, request.cookies.get("sessionid", ""))
    if ws.user is None:
        return ws.respond(403, "Please log in first.\n")
    return None


async def chat(ws, room):
    """Take part in a room."""
    await rooms.join(room, ws)
    async for message in ws:
        text = json.loads(message)["message"]
        await rooms.broadcast(room, json.dumps({"user": ws.user, "message": text}))


factory = txws2.WebSocketServerFactory(
    txws2.route({"/ws/chat/{room}/": chat}),
    process_request=logged_in,
    origins=["https://chat.example.com"],
)
