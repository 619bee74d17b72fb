"""The same chat on txws2: python after_server.py"""

import http

from twisted.internet.task import LoopingCall

import txws2

joined = set()


def health(connection, request):
    """Answer a load balancer; None lets the handshake go on."""
    if request.path == "/health":
        return connection.respond(http.HTTPStatus.OK, "OK\n")
    return None


async def chat(ws):
    """Take the name from the first message, and tell everybody the others."""
    try:
        name = await ws.recv(timeout=10)
    except TimeoutError:
        await ws.close(4000, "no name within 10 seconds")
        return
    joined.add(ws)
    try:
        async for message in ws:
            txws2.broadcast(joined, f"{name}: {message}")
    except txws2.ConnectionClosed as exc:
        print(f"{name} is gone: {exc}")
    finally:
        joined.remove(ws)


def tick():
    """Say something."""
    txws2.broadcast(joined, "tick")


async def main(reactor):
    """Serve for ever."""
    async with txws2.serve(chat, "localhost", 8000, process_request=health) as server:
        ticking = LoopingCall(tick)
        ticking.start(1, now=False)
        try:
            await server.serve_forever()
        finally:
            ticking.stop()


txws2.run(main)
