"""A client made with `websockets`."""

import asyncio

from observations import client_arguments, observe
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets_play import compression, play


async def main():
    for uri, settings in client_arguments():
        try:
            async with connect(
                uri,
                subprotocols=settings["subprotocols"] or None,
                max_size=2**22,
                proxy=None,
                **compression(settings, ClientPerMessageDeflateFactory),
            ) as ws:
                await play(ws, settings["actions"])
        except InvalidStatus as exc:
            observe(refused=exc.response.status_code)


asyncio.run(main())
