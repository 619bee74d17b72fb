"""Events by name, rooms and acknowledgements over a plain WebSocket."""

import json

import txws2

rooms = txws2.Rooms()
events = {}


def on(name):
    """Register the function for an event, as socketio.on does."""

    def register(function):
        events[name] = function
        return function

    return register


@on("join")
async def join(ws, data):
    """Enter a room."""
    await rooms.join(data["room"], ws, data["name"])
    return len(await rooms.here(data["room"]))


@on("say")
async def say(ws, data):
    """Tell everybody in a room."""
    await rooms.broadcast(data["room"], json.dumps({"event": "said", "data": data["text"]}))


async def handler(ws):
    """Call the function for each event; send its result if the client wants it."""
    async for message in ws:
        try:
            event = json.loads(message)
            function, data = events[event["event"]], event["data"]
            result = await function(ws, data)
        except (ValueError, KeyError, TypeError):
            await ws.close(4400, "not an event of this server")
            return
        if "id" in event:
            await ws.send(json.dumps({"id": event["id"], "data": result}))
