"""A client made with `aiohttp`."""

import asyncio

from aiohttp import ClientSession, WSServerHandshakeError
from aiohttp_play import by_itself, play
from observations import client_arguments, observe


async def main():
    uri, settings = client_arguments()
    actions = settings["actions"]
    try:
        async with (
            ClientSession() as session,
            session.ws_connect(
                uri,
                protocols=settings["subprotocols"],
                autoping=by_itself(actions),
                compress=15,
            ) as ws,
        ):
            observe(open=ws.protocol)
            await play(ws, ws._conn.transport, actions)
    except WSServerHandshakeError as exc:
        observe(refused=exc.status)


asyncio.run(main())
