"""Listens to a server, and reconnects: python reconnecting.py ws://localhost:8000/"""

import sys

from txws2 import ConnectionClosed, connect, run


async def listen(uri, heard):
    async for ws in connect(uri):
        try:
            await ws.send("subscribe")
            async for message in ws:
                heard(message)
        except ConnectionClosed:
            continue


if __name__ == "__main__":
    run(lambda reactor: listen(sys.argv[1], print))
