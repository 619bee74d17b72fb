"""A site, its WebSocket server, and a client of that, in one process: twistd -ny site.tac"""

import os

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from txws2 import WebSocketClientService, WebSocketService

SITE_PORT = os.environ.get("SITE_PORT", "8080")
WS_PORT = os.environ.get("WS_PORT", "8000")

PAGE = f"""<!doctype html><title>Echo</title><pre></pre><script>
const ws = new WebSocket(`ws://127.0.0.1:{WS_PORT}/`);
ws.onopen = () => ws.send("hello");
ws.onmessage = (event) => document.querySelector("pre").append(event.data, "\\n");
</script>"""

log = Logger(namespace="greeter")


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def greet(ws):
    await ws.send("hello")


def heard(message):
    log.info("heard: {message}", message=message)


application = Application("site")

root = Resource()
root.putChild(b"", Data(PAGE.encode(), "text/html"))
site = StreamServerEndpointService(
    serverFromString(reactor, f"tcp:{SITE_PORT}:interface=127.0.0.1"), Site(root)
)
site.setServiceParent(application)

service = WebSocketService(f"tcp:{WS_PORT}:interface=127.0.0.1", echo)
service.setName("echo")
service.setServiceParent(application)

greeter = WebSocketClientService(f"ws://127.0.0.1:{WS_PORT}/", heard, on_connect=greet)
greeter.setServiceParent(application)
