"""Rooms, counters and frame hooks."""

from txws2 import Presence, Rooms, Server, WebSocketServerProtocol, serve
from txws2.metrics import WebSocketCollector
from txws2.wire.frames import Header, Opcode

rooms = Rooms()


async def handler(ws: WebSocketServerProtocol) -> None:
    await rooms.join("lobby", ws, {"name": "Alice"})
    here: list[Presence] = await rooms.here("lobby")
    sent: int = await rooms.broadcast("lobby", f"{len(here)} here", slow="drop", but=ws)
    await rooms.leave("lobby", ws)
    print(sent, await rooms.names(), ws.counters.frames_in[Opcode.TEXT], ws.counters.latency)


def watch(ws: WebSocketServerProtocol, direction: str, header: Header, payload: bytes) -> None:
    print(ws.id, direction, header.fin, payload)


async def main() -> None:
    server: Server = await serve(handler, port=8000, trace=watch, log_connections=True)
    closed: int = server.counters.closed[1000]
    print(closed, WebSocketCollector({"chat": server}))
