"""A client made with aiohttp, on uvloop; see stopwatch.py."""

import aiohttp
import uvloop
from stopwatch import deflate, pull, uri


async def main():
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(uri, max_msg_size=0, compress=15 * deflate) as ws,
    ):
        await pull(ws.send_str, ws.receive_str)


uvloop.run(main())
