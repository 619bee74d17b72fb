"""Tests of an application."""

from twisted.internet.task import Clock

import txws2
from txws2.testing import (
    Close,
    Delay,
    Frame,
    Joined,
    MemoryReactor,
    Opcode,
    Refuse,
    ScriptedServer,
    Silence,
    joined,
    opened,
)


class Chat(txws2.WebSocketServerProtocol):
    said: list[str | bytes]


class Client(txws2.WebSocketClientProtocol):
    name = "alice"


async def handler(ws: txws2.WebSocketServerProtocol) -> None:
    await ws.send("hello")


async def talk(ws: txws2.WebSocketClientProtocol) -> int:
    return len(await ws.recv())


def test_pull() -> None:
    with joined(handler, ping_interval=None, origin="https://a.example") as both:
        message: str | bytes = both.result_of(both.client.recv())
        length: int = both.result_of(talk(both.client))
        both.advance(1.5)
        print(message, length, both.server.request, both.clock.seconds(), both.take_failures())


def test_push() -> None:
    both = joined(server=Chat, client=Client)
    print(both.server.said, both.client.name)
    alone: Joined[Chat, Client] = both
    alone.drop()


def test_factory() -> None:
    clock = Clock()
    factory = txws2.WebSocketServerFactory(handler, reactor=clock)
    both: Joined = joined(factory)
    both.client_transport.chop = 1
    transport = opened(factory.buildProtocol(None))
    transport.feed(Opcode.TEXT, b"hello")
    frames: list[Frame] = transport.frames()
    print(frames[0].payload, frames[0].fin)


def test_scripted() -> None:
    server = ScriptedServer(handler, at="ws://a.example/", otherwise=Delay(1, Refuse(401)))
    server.script(ConnectionRefusedError(), OSError, Silence("lookup"), Close(1012, after=5))
    with server.script(Refuse(503, retry_after=5, headers={"X": "1"})) as same:
        connecting = same.start(txws2.connect("ws://a.example/", reactor=server.reactor))
        message: str | bytes = same.result_of(same.connection.server.recv())
        print(connecting, message, [attempt.uri for attempt in same.attempts])
    with MemoryReactor() as reactor:
        reactor.advance(1.5)
