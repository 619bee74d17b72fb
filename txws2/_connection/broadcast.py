"""`broadcast`: one message to many connections, without waiting for the slow ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeVar, get_args

from txws2._connection.handle import driver_of, send_where_ready
from txws2._connection.protocol import WebSocketProtocol
from txws2._connection.sender import send_shared
from txws2.wire.encoder import Part
from txws2.wire.frames import TEXT
from txws2.wire.shared_message import SharedMessage

__all__ = ["Slow", "broadcast", "share"]

W = TypeVar("W", bound=WebSocketProtocol)

Slow = Literal["skip", "drop", "close"]

_POLICIES = get_args(Slow)


def broadcast(
    connections: Iterable[WebSocketProtocol],
    message: Part,
    text: bool | None = None,
    *,
    compress: bool | None = None,
    slow: Slow = "skip",
) -> int:
    """Send a message on many connections.

    The message is encoded once for all connections that have agreed on the same compression.
    `broadcast` waits for no connection. Connections that aren't open are passed over.

    Args:
        connections: the connections, as `Server.connections`.
        message: a str is sent as text, a bytes-like object as binary.
        text: as for `WebSocketProtocol.send`.
        compress: as for `WebSocketProtocol.send`.
        slow: the treatment of a connection on which more than write_limit bytes wait already, so
            that it can't fill the memory. "skip": it gets no broadcast until all of them have
            left. "drop": it doesn't get this one. "close": it is closed with 1013. With
            write_limit=None, no connection counts as slow.

    Returns:
        The number of connections on which it was sent.

    Raises:
        TypeError: the message is neither str nor bytes-like.
        UnicodeError: the text can't be UTF-8.
        ValueError: there is no such policy.
        ConcurrencyError: this isn't the reactor's thread.
    """
    if slow not in _POLICIES:
        raise ValueError(f"slow must be one of {_POLICIES}; it is {slow!r}")
    shared = SharedMessage(message, text, compress)
    # Closing a connection may change the collection that was given.
    everybody = list(connections)
    for connection in everybody[:1]:
        driver_of(connection).check_thread()
    return len(everybody) - len(share(everybody, shared, slow))


def share(connections: list[W], shared: SharedMessage, slow: Slow) -> list[W]:
    """Send an encoded message as `broadcast` does; return the connections that don't get it."""
    missed = []
    others = send_where_ready(connections, shared.plain, shared.opcode == TEXT, shared.size)
    for connection in others:
        driver = driver_of(connection)
        try:
            if not send_shared(driver, shared, slow):
                missed.append(connection)
        except BaseException as exc:
            # The other connections still get the message.
            driver.message_failed(exc)
            missed.append(connection)
    return missed
