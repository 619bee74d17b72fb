"""An echo made with websockets: websockets_server.py PORT [deflate] [broadcast] [tls=PEM]"""

import asyncio
import ssl
import sys

from websockets.asyncio.server import broadcast, serve

port = int(sys.argv[1])
options = dict(option.partition("=")[::2] for option in sys.argv[2:])
everybody = set()


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def relay(ws):
    everybody.add(ws)
    try:
        async for message in ws:
            broadcast(everybody, message)
    finally:
        everybody.discard(ws)


async def main():
    tls = None
    if "tls" in options:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options["tls"])
    server = await serve(
        relay if "broadcast" in options else echo,
        "127.0.0.1",
        port,
        backlog=1024,
        max_size=2**26,
        compression="deflate" if "deflate" in options else None,
        ssl=tls,
    )
    await server.serve_forever()


asyncio.run(main())
