"""The same page and chat on txws2: python after_server.py"""

from twisted.web.resource import Resource
from twisted.web.static import Data

import txws2

PAGE = "<title>Chat</title>"


async def chat(ws):
    """Tell everybody what one says."""
    async for message in ws:
        if isinstance(message, str):
            txws2.broadcast(ws.factory.connections, message)


site = Resource()
site.putChild(b"", Data(PAGE.encode(), "text/html"))
factory = txws2.WebSocketServerFactory(chat, subprotocols=["chat"])
txws2.run(txws2.Mounts({"/chat": factory}, site), "localhost", 8000)
