"""A client that comes back, as a loop and as a service."""

from contextlib import aclosing
from functools import partial

from twisted.application.service import Application
from twisted.internet.defer import Deferred, succeed

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


def sign() -> str:
    return "wss://example.com/?signature=0"


async def listen_key() -> str:
    return "wss://example.com/key"


def later() -> Deferred[str]:
    return succeed("wss://example.com/")


async def token() -> dict[str, str]:
    return {"Authorization": "Bearer 0"}


def no_uri() -> int:
    return 5


async def fresh() -> None:
    async with txws2.connect(lambda: sign(), additional_headers=token) as ws:
        await ws.send("hello")
    async for ws in txws2.connect(listen_key, additional_headers=lambda: [("X", "1")]):
        await ws.send("hello")
    await txws2.connect(later, additional_headers={"X": "1"})
    await txws2.connect(no_uri)  # E: Argument 1 to "connect" has incompatible type


txws2.WebSocketClientService(listen_key, additional_headers=token)


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
