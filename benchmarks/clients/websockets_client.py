"""A client made with websockets; see stopwatch.py."""

import asyncio

from stopwatch import deflate, pull, uri
from websockets.asyncio.client import connect


async def main():
    compression = "deflate" if deflate else None
    async with connect(uri, compression=compression, max_size=None) as ws:
        await pull(ws.send, ws.recv)


asyncio.run(main())
