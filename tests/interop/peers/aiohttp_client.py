"""A client made with `aiohttp`."""

import asyncio

from aiohttp import ClientSession, CookieJar, WSServerHandshakeError
from aiohttp_play import by_itself, play
from observations import client_arguments, observe


def window_bits(parameters):
    """Return aiohttp's only option of compression, `compress`; 0 for no compression."""
    return 0 if parameters is None else parameters.get("server_max_window_bits", 15)


async def connect(session, uri, settings):
    actions = settings["actions"]
    try:
        async with session.ws_connect(
            uri,
            protocols=settings["subprotocols"],
            autoping=by_itself(actions),
            compress=window_bits(settings.get("deflate", {})),
        ) as ws:
            observe(open=ws.protocol)
            await play(ws, ws._conn.transport, actions)
    except WSServerHandshakeError as exc:
        observe(refused=exc.status)


async def main():
    # aiohttp then keeps cookies of a host that is an address, too.
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        for uri, settings in client_arguments():
            await connect(session, uri, settings)


asyncio.run(main())
