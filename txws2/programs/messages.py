"""Messages that go out together, and messages that become the input of a program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from txws2._connection.handle import driver_of
from txws2._connection.phases import OPEN
from txws2.exceptions import ConnectionClosed
from txws2.programs.pipes import Inlet

__all__ = ["feed", "send_together"]


def send_together(connection: Any, messages: Sequence[str | bytes]) -> None:
    """Send messages on a connection in as few writes as possible, unless it is closing."""
    driver = driver_of(connection)
    if not messages or driver.phase is not OPEN:
        return
    send, outbox = connection.sendMessage, driver.outbox
    outbox.cork()
    try:
        for message in messages:
            send(message)
    finally:
        outbox.uncork()


async def feed(connection: Any, inlet: Callable[[], Inlet | None]) -> None:
    """Write the messages of a connection to a program, until the connection is closed.

    A text gets a line end, a binary message is written as it is. While the program doesn't read,
    nobody reads from the connection.

    Args:
        connection: the connection.
        inlet: returns the input of the program; None if there is none, and messages are dropped.
    """
    inbox = driver_of(connection).need_inbox()
    parts: list[bytes] = []
    with suppress(ConnectionClosed):
        async for message in connection:
            parts.append(message.encode() + b"\n" if isinstance(message, str) else message)
            # The messages of one read make one write.
            if not inbox.waiting:
                target, data = inlet(), parts[0] if len(parts) == 1 else b"".join(parts)
                parts = []
                if target is not None:
                    while target.busy:
                        await target.room()
                    target.write(data)
                    if target.busy:
                        await target.room()
