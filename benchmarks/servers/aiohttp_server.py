"""An echo made with aiohttp, on uvloop: aiohttp_server.py PORT [deflate] [broadcast] [tls=PEM]"""

import ssl
import sys

import uvloop
from aiohttp import WSMsgType, web

port = int(sys.argv[1])
options = dict(option.partition("=")[::2] for option in sys.argv[2:])
everybody = set()


async def send(ws, message):
    if message.type is WSMsgType.TEXT:
        await ws.send_str(message.data)
    elif message.type is WSMsgType.BINARY:
        await ws.send_bytes(message.data)


async def talk(request):
    ws = web.WebSocketResponse(max_msg_size=2**26, compress="deflate" in options)
    await ws.prepare(request)
    everybody.add(ws)
    try:
        async for message in ws:
            for receiver in everybody if "broadcast" in options else [ws]:
                await send(receiver, message)
    finally:
        everybody.discard(ws)
    return ws


tls = None
if "tls" in options:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(options["tls"])
app = web.Application()
app.router.add_get("/", talk)
web.run_app(
    app,
    host="127.0.0.1",
    port=port,
    backlog=1024,
    access_log=None,
    print=None,
    ssl_context=tls,
    loop=uvloop.new_event_loop(),
)
