"""The messages of a connection in pull style, all those of a read at once."""

from __future__ import annotations

from txws2._connection.handle import driver_of
from txws2._connection.protocol import WebSocketProtocol

__all__ = ["next_batch"]


async def next_batch(ws: WebSocketProtocol) -> list[str | bytes]:
    """Return the messages that are here, at least one; wait for one if none is.

    Awaiting each message for itself would cost several times as much.

    Raises:
        ConnectionClosed: the connection is closed, and all messages were received.
    """
    messages = [await ws.recv()]
    inbox = driver_of(ws).need_inbox()
    if inbox.waiting:
        messages += inbox.take_all()
        inbox.read_on()
    return messages
