"""What `Connection.receive` tells besides messages, which are plain str and bytes."""

from __future__ import annotations

from typing import NamedTuple

from txws2.exceptions import PayloadTooBig, ProtocolError
from txws2.wire.closing import Close

__all__ = ["Closing", "Event", "Failed", "Ping", "Pong"]


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


Event = str | bytes | Ping | Pong | Closing | Failed
