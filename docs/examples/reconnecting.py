"""Listens to a server, and reconnects: python reconnecting.py ws://localhost:8000/"""

import sys

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react

from txws2 import ConnectionClosed, connect


async def listen(uri, heard):
    async for ws in connect(uri):
        try:
            await ws.send("subscribe")
            async for message in ws:
                heard(message)
        except ConnectionClosed:
            continue


if __name__ == "__main__":
    react(lambda reactor: ensureDeferred(listen(sys.argv[1], print)))
