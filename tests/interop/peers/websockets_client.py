"""A client made with `websockets`."""

import asyncio

from observations import client_arguments, observe
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets_play import play


async def main():
    uri, settings = client_arguments()
    try:
        async with connect(
            uri, subprotocols=settings["subprotocols"] or None, max_size=2**22, proxy=None
        ) as ws:
            await play(ws, settings["actions"])
    except InvalidStatus as exc:
        observe(refused=exc.response.status_code)


asyncio.run(main())
