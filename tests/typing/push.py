"""A protocol in push style, with arguments of its own."""

from collections.abc import Generator
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.python.failure import Failure

import txws2


class Chat(txws2.WebSocketServerProtocol):
    def __init__(self, *args: Any, room: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.room = room

    def connectionOpened(self) -> None:
        self.registerProducer(self)
        self.sendMessage(f"this is {self.room}")

    def messageReceived(self, message: str | bytes) -> None:
        self.sendMessage(message, compress=True)

    def pongReceived(self, payload: bytes) -> None:
        self.sendMessage(payload)

    def connectionLost(self, reason: Failure | None = None) -> None:
        if reason is not None and isinstance(reason.value, txws2.ConnectionClosedError):
            print(reason.value.sent, self.room)


factory = txws2.WebSocketServerFactory(
    create_protocol=partial(Chat, room="hall"), subprotocols=["chat"], origins=["https://a.example"]
)
protocol: txws2.WebSocketServerProtocol = factory.buildProtocol(None)


class Slow(txws2.WebSocketServerProtocol):
    """Its hooks take their time, each in another way."""

    async def connectionOpened(self) -> None:
        await self.send("hello")

    @inlineCallbacks
    def messageReceived(self, message: str | bytes) -> Generator[Deferred[Any], Any, None]:
        yield self.send(message)

    def pingReceived(self, payload: bytes) -> Deferred[None]:
        return self.send(payload)

    # As Twisted has it, this returns nothing.
    async def connectionLost(  # type: ignore[override]
        self, reason: Failure | None = None
    ) -> None:
        print(reason)
