"""A server made with `websockets`."""

import asyncio

from observations import observe, server_arguments
from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets_play import compression, play


def refuse_elsewhere(connection, request):
    return None if request.path == "/" else connection.respond(404, "nothing here\n")


async def run(settings):
    server = await serve(
        lambda ws: play(ws, settings["actions"]),
        "127.0.0.1",
        0,
        subprotocols=settings["subprotocols"] or None,
        process_request=refuse_elsewhere,
        max_size=2**22,
        **compression(settings, ServerPerMessageDeflateFactory),
    )
    observe(port=server.sockets[0].getsockname()[1])
    return server


async def main():
    servers = [await run(settings) for settings in server_arguments()]
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main())
