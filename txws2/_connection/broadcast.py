"""`broadcast`: one message to many connections, whether they keep up or not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from txws2._connection.exchange import send_where_ready
from txws2._connection.protocol import WebSocketProtocol
from txws2.wire.encoder import Part
from txws2.wire.frames import TEXT
from txws2.wire.shared_message import SharedMessage

__all__ = ["broadcast"]

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

    It is encoded once for all that have agreed on the same compression, and waits for nobody.
    Connections that aren't open are passed over.

    Args:
        connections: as `Server.connections`.
        message: a str is sent as text, anything that is bytes as binary.
        text: as for `WebSocketProtocol.send`.
        compress: as for `WebSocketProtocol.send`.
        slow: what becomes of a connection on which more than write_limit bytes wait already, so
            that it can't fill the memory. "skip": it gets no broadcast until all of them have
            left. "drop": it doesn't get this one. "close": it is closed with 1013. With
            write_limit=None there are none such.

    Returns:
        On how many connections it was sent.

    Raises:
        TypeError: the message is neither str nor bytes-like.
        UnicodeError: the text can't be UTF-8.
        ValueError: there is no such policy.
        ConcurrencyError: this isn't the reactor's thread.
    """
    if slow not in _POLICIES:
        raise ValueError(f"slow must be one of {_POLICIES}; it is {slow!r}")
    shared = SharedMessage(message, text, compress)
    # Closing one may change what they are taken from.
    everybody = list(connections)
    for connection in everybody[:1]:
        connection._check_thread()
    others = send_where_ready(everybody, shared.plain, shared.opcode == TEXT, shared.size)
    reached = len(everybody) - len(others)
    for connection in others:
        try:
            reached += connection._send_shared(shared, slow)
        except BaseException as exc:
            # The others are to have it all the same.
            connection._message_failed(exc)
    return reached
