"""A client in pull style."""

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.ssl import optionsForClientTLS

import txws2

HEADERS = {"X": "1"}


async def main() -> str:
    async with txws2.connect("ws://localhost/", additional_headers=HEADERS) as ws:
        await ws.send("hello")
        message: str | bytes = await ws.recv()
        text: str = await ws.recv(decode=True)
        data: bytes = await ws.recv(decode=False)
        print(text.upper(), data.hex(), ws.request.path, ws.response.headers["Server"])
    opening: Deferred[txws2.WebSocketClientProtocol] = txws2.connect(
        "wss://localhost/",
        tls=optionsForClientTLS("localhost"),
        subprotocols=["chat"],
        create_protocol=txws2.WebSocketClientProtocol,
    )
    try:
        ws = await opening
    except txws2.InvalidStatus as refused:
        return f"{refused.response.status_code}"
    except (txws2.InvalidHandshake, txws2.OpeningTimeout) as failed:
        return str(failed)
    print(ws.response.headers["Server"], ws.local_address, ws.state is txws2.State.OPEN)
    await ws.wait_closed()
    return message if isinstance(message, str) else message.decode()


async def negotiate(demand: txws2.Demand) -> str | None:
    challenge: txws2.Challenge | None = demand.offers("Negotiate")
    return None if challenge is None else f"Negotiate {challenge.token}"


async def authenticated() -> None:
    await txws2.connect("ws://localhost/", authentication=txws2.digest_auth("me", "secret"))
    await txws2.connect("ws://localhost/", proxy="p:1", proxy_authentication=negotiate)
    await txws2.connect("ws://localhost/", authentication=lambda demand: Deferred())


async def by_endpoint() -> None:
    factory = txws2.WebSocketClientFactory("ws://localhost/", open_timeout=None)
    print(HostnameEndpoint(reactor, "localhost", 80), factory.connections)


async def pieces(ws: txws2.WebSocketClientProtocol, decode: bool | None) -> None:
    async for text in ws.recv_streaming(decode=True):
        print(text.upper())
    async for data in ws.recv_streaming(decode=False):
        print(data.hex())
    either: str | bytes = await ws.recv(decode)
    async for either in ws.recv_streaming(decode):
        print(either)
    late: Deferred[str] = ws.recv(True)
    print(await late.addTimeout(1, ws.factory.reactor))
