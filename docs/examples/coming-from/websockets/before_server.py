"""A chat on the library websockets: python before_server.py"""

import asyncio
import http

from websockets.asyncio.server import broadcast, serve
from websockets.exceptions import ConnectionClosed

joined = set()


def health(connection, request):
    """Answer a load balancer; None lets the handshake go on."""
    if request.path == "/health":
        return connection.respond(http.HTTPStatus.OK, "OK\n")
    return None


async def chat(ws):
    """Take the name from the first message, and tell everybody the others."""
    try:
        name = await asyncio.wait_for(ws.recv(), 10)
    except TimeoutError:
        await ws.close(4000, "no name within 10 seconds")
        return
    joined.add(ws)
    try:
        async for message in ws:
            broadcast(joined, f"{name}: {message}")
    except ConnectionClosed as exc:
        print(f"{name} is gone: {exc}")
    finally:
        joined.remove(ws)


async def tick():
    """Say something every second."""
    while True:
        await asyncio.sleep(1)
        broadcast(joined, "tick")


async def main():
    """Serve for ever."""
    async with serve(chat, "localhost", 8000, process_request=health) as server:
        ticking = asyncio.create_task(tick())
        try:
            await server.serve_forever()
        finally:
            ticking.cancel()


asyncio.run(main())
