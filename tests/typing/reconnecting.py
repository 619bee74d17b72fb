"""A client that comes back, as a loop and as a service."""

from contextlib import aclosing

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
