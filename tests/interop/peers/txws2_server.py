"""Our own server, whose memory is measured.

At /send it sends messages as fast as it can, at /echo it echoes, both once it has received "go".
At /count it answers each message with the number of messages that it has sent. At /sum it
receives a message piece by piece, and answers with its length and its checksum.
"""

from contextlib import suppress
from hashlib import sha256
from random import Random

from observations import observe, server_arguments
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

import txws2

[settings] = server_arguments()
sent = 0


async def send(ws, message):
    global sent
    await ws.send(message)
    sent += 1


async def handler(ws):
    with suppress(txws2.ConnectionClosed):
        await answer(ws)


async def answer(ws):
    path = ws.request.path
    if path == "/count":
        async for _ in ws:
            await ws.send(str(sent))
        return
    if path == "/sum":
        size, checksum = 0, sha256()
        async for piece in ws.recv_streaming():
            size += len(piece)
            checksum.update(piece)
        await ws.send(f"{size} {checksum.hexdigest()}")
        return
    await ws.recv()
    if path == "/send":
        for seed in range(settings["messages"]):
            await send(ws, Random(seed).randbytes(settings["size"]))
    else:
        async for message in ws:
            await send(ws, message)


async def main():
    server = await txws2.serve(
        handler,
        "127.0.0.1",
        0,
        ping_interval=None,
        max_size=settings.get("max_size", 2**20),
        compression_memory=settings.get("compression_memory", 2**26),
        reactor=reactor,
    )
    observe(port=server.addresses[0].port)


reactor.callWhenRunning(lambda: ensureDeferred(main()))
reactor.run()
