import txws2

async def echo(ws):
    async for message in ws:
        await ws.send(message)

resource = txws2.WebSocketResource(echo)
cache()
