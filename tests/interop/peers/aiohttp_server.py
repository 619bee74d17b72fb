"""A server made with `aiohttp`."""

import asyncio

from aiohttp import web
from aiohttp_play import by_itself, play
from observations import observe, server_arguments


async def run(settings):
    actions = settings["actions"]

    async def handler(request):
        ws = web.WebSocketResponse(
            protocols=settings["subprotocols"],
            autoping=by_itself(actions),
            # aiohttp has no other option of compression.
            compress=settings.get("deflate", {}) is not None,
        )
        await ws.prepare(request)
        observe(open=ws.ws_protocol)
        await play(ws, request.transport, actions)
        return ws

    application = web.Application()
    application.router.add_get("/", handler)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    observe(port=runner.addresses[0][1])


async def main():
    for settings in server_arguments():
        await run(settings)
    await asyncio.Event().wait()


asyncio.run(main())
