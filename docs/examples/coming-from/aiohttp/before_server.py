"""A page and a chat on aiohttp: python before_server.py"""

from aiohttp import WSMsgType, web

PAGE = "<title>Chat</title>"
joined = set()


async def page(request):
    """Answer with the page."""
    return web.Response(text=PAGE, content_type="text/html")


async def chat(request):
    """Tell everybody what one says."""
    ws = web.WebSocketResponse(heartbeat=20, protocols=["chat"])
    await ws.prepare(request)
    joined.add(ws)
    try:
        async for message in ws:
            if message.type == WSMsgType.TEXT:
                for each in joined:
                    await each.send_str(message.data)
    finally:
        joined.remove(ws)
    return ws


app = web.Application()
app.router.add_get("/", page)
app.router.add_get("/chat", chat)
web.run_app(app, host="localhost", port=8000)
