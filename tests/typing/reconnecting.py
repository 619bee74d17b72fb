"""A client that comes back, as a loop and as a service."""

from contextlib import aclosing
from functools import partial

from twisted.application.service import Application
from twisted.internet.defer import Deferred

import txws2


def patient(exc: Exception) -> Exception | None:
    return txws2.process_exception(exc)


async def main() -> None:
    backoff = txws2.Backoff(maximum=10)
    async for ws in txws2.connect("ws://localhost/", backoff=backoff, process_exception=patient):
        await ws.send("hello")
    async with aclosing(aiter(txws2.connect("ws://localhost/"))) as connections:
        ws = await anext(connections)
        print(ws.state)


async def subscribe(ws: txws2.WebSocketClientProtocol) -> None:
    await ws.send("subscribe")


def heard(message: str | bytes) -> None:
    print(message)


service = txws2.WebSocketClientService(
    "ws://localhost/", heard, on_connect=subscribe, max_waiting=5, drop="oldest", max_size=5
)
far = txws2.WebSocketClientService(
    "wss://example.com/", proxy="http://proxy.example:3128", tls="ours.pem", open_timeout=5
)
service.setServiceParent(Application("feed"))
connected: Deferred[txws2.WebSocketClientProtocol] = service.whenConnected(failAfterFailures=3)
sent: Deferred[None] = service.send("hello")
stopped: Deferred[None] = service.stopService()
print(service.state is txws2.ClientState.STOPPED)


class Feed(txws2.WebSocketClientProtocol):
    """It has something of its own."""

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self.name = name


async def own() -> None:
    connecting: Deferred[Feed] = txws2.connect("ws://localhost/", create_protocol=Feed)
    print((await connecting).name)
    async with txws2.connect("ws://localhost/", create_protocol=partial(Feed, name="a")) as feed:
        print(feed.name)
    async for feed in txws2.connect("ws://localhost/", create_protocol=Feed):
        print(feed.name)
    async with txws2.unix_connect("/run/feed.sock", create_protocol=Feed) as feed:
        print(feed.name)


def named(feed: Feed) -> None:
    print(feed.name)


feeds = txws2.WebSocketClientService("ws://localhost/", create_protocol=Feed, on_connect=named)
found: Deferred[Feed] = feeds.whenConnected()
any_service: txws2.WebSocketClientService = service
