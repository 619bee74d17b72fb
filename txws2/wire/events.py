"""What `Connection.receive` tells besides messages, which are plain str and bytes."""

from __future__ import annotations

from typing import NamedTuple

from txws2.wire.closing import Close
from txws2.wire.exceptions import PayloadTooBig, ProtocolError

__all__ = ["Closing", "Event", "Failed", "Ping", "Pong", "Remainder"]


class Remainder(NamedTuple):
    """The message ended of which `Connection.take_part` gave a part; it is what was left."""

    rest: str | bytes


class Ping(NamedTuple):
    """A ping came."""

    payload: bytes


class Pong(NamedTuple):
    """A pong came, asked for or not."""

    payload: bytes


class Closing(NamedTuple):
    """The peer's close frame came."""

    close: Close


class Failed(NamedTuple):
    """The peer broke the protocol."""

    cause: ProtocolError | PayloadTooBig


Event = str | bytes | Remainder | Ping | Pong | Closing | Failed
