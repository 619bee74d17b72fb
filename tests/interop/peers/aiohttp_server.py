"""A server made with `aiohttp`."""

import asyncio

from aiohttp import web
from aiohttp_play import by_itself, play
from observations import observe, server_arguments

settings = server_arguments()
actions = settings["actions"]


async def handler(request):
    ws = web.WebSocketResponse(protocols=settings["subprotocols"], autoping=by_itself(actions))
    await ws.prepare(request)
    observe(open=ws.ws_protocol)
    await play(ws, request.transport, actions)
    return ws


async def main():
    application = web.Application()
    application.router.add_get("/", handler)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    observe(port=runner.addresses[0][1])
    await asyncio.Event().wait()


asyncio.run(main())
