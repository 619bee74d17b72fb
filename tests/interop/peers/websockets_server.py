"""A server made with `websockets`."""

import asyncio

from observations import observe, server_arguments
from websockets.asyncio.server import serve
from websockets_play import play


def refuse_elsewhere(connection, request):
    return None if request.path == "/" else connection.respond(404, "nothing here\n")


async def main():
    settings = server_arguments()
    async with serve(
        lambda ws: play(ws, settings["actions"]),
        "127.0.0.1",
        0,
        subprotocols=settings["subprotocols"] or None,
        process_request=refuse_elsewhere,
        max_size=2**22,
    ) as server:
        observe(port=server.sockets[0].getsockname()[1])
        await server.serve_forever()


asyncio.run(main())
