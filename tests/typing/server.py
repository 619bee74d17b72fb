"""A server in pull style."""

import re
from collections.abc import AsyncIterator

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint, serverFromString
from twisted.internet.task import deferLater, react

import txws2


async def parts() -> AsyncIterator[str]:
    yield "one"
    yield "two"


async def handler(ws: txws2.WebSocketServerProtocol) -> None:
    if ws.subprotocol != "chat":
        await ws.close(txws2.CloseCode.POLICY_VIOLATION, "speak chat")
        return
    try:
        async for message in ws:
            if isinstance(message, str):
                await ws.send(message.upper())
            else:
                await ws.send(memoryview(message), compress=False)
        await ws.send(parts())
        await ws.send(["one", b"two"], text=True)
        latency: float = await ws.ping()
        async for piece in ws.recv_streaming(decode=True):
            print(ws.request.path, latency, piece.upper())
    except txws2.ConnectionClosed as closed:
        print(closed.rcvd, closed.sent, ws.close_code, ws.close_reason)


def callback_handler(ws: txws2.WebSocketServerProtocol) -> Deferred[None]:
    return ws.recv().addCallback(ws.send).addErrback(print)


async def room(ws: txws2.WebSocketServerProtocol, name: str) -> None:
    await ws.send(f"{ws.username} is in {name}")


@txws2.cancelled_on_close
async def ticking(ws: txws2.WebSocketServerProtocol, name: str) -> int:
    async with ws:
        text: str = await ws.recv(decode=True, timeout=0.5)
        data: bytes = await ws.recv(False, timeout=10)
        return len(await ws.recv(timeout=None)) + len(text) + len(data)


class Ticker(txws2.WebSocketServerProtocol):
    @txws2.cancelled_on_close
    async def connectionOpened(self) -> None:
        lasted: int | None = await ticking(self, name="lobby")
        print(lasted)


async def check(username: str, password: str) -> bool:
    return (username, password) == ("me", "secret")


def process_request(
    ws: txws2.WebSocketServerProtocol, request: txws2.Request
) -> txws2.Response | None:
    if request.query.get("v", "1") in request.query.get_all("v") or "v" in request.cookies:
        return None
    return ws.respond(400, "which version?")


async def process_response(
    ws: txws2.WebSocketServerProtocol, request: txws2.Request, response: txws2.Response
) -> None:
    response.set_cookie("v", "1", max_age=60, secure=True, samesite="Strict")


def select_subprotocol(ws: txws2.WebSocketServerProtocol, offered: list[str]) -> str | None:
    if not offered:
        raise txws2.NegotiationError("which subprotocol?")
    return offered[0]


async def main() -> None:
    await txws2.serve(
        txws2.route(
            {
                "/": handler,
                "/{name}": txws2.guarded(room, process_request),
                "/ticks/{name}": txws2.guarded(ticking, process_request),
            }
        ),
        "localhost",
        0,
        origins=[txws2.SAME_ORIGIN, re.compile("https://.*"), None],
        process_request=[txws2.basic_auth("club", check_credentials=check), process_request],
        process_response=process_response,
        select_subprotocol=select_subprotocol,
    )
    await txws2.serve(
        handler,
        "localhost",
        0,
        process_request=txws2.basic_auth("club", credentials=("me", "secret")),
    )
    async with txws2.serve(handler, "localhost", 0, max_size=None, origins=[None]) as server:
        print(server.addresses, txws2.broadcast(server.connections, "hello", slow="close"))
    other: txws2.Server = await txws2.serve(
        callback_handler,
        endpoint=TCP4ServerEndpoint(reactor, 80),
        compression=txws2.PerMessageDeflate(),
    )
    await other.close(True, txws2.CloseCode.SERVICE_RESTART)
    described = serverFromString(reactor, "tcp:80")
    await txws2.serve(None, endpoint=described, create_protocol=txws2.WebSocketServerProtocol)
    await txws2.serve(handler, endpoint="unix:/run/chat.sock", ping_interval=5, debug=True)
    await deferLater(reactor, 1)


class Member(txws2.WebSocketServerProtocol):
    name = "alice"


async def greet(ws: Member) -> None:
    await ws.send(ws.name)


async def own() -> None:
    await txws2.serve(greet, port=0, create_protocol=Member)
    await txws2.serve(handler, port=0, create_protocol=Member)
    await txws2.serve(lambda ws: ws.close(4000), port=0)
    print(txws2.WebSocketServerFactory(greet, create_protocol=Member))


react(lambda _: Deferred.fromCoroutine(main()))
