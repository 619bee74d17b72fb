"""The events of `Connection.receive`, apart from messages, which are plain str and bytes."""

from __future__ import annotations

from typing import NamedTuple

from txws2.wire.closing import Close
from txws2.wire.exceptions import PayloadTooBig, ProtocolError

__all__ = ["Closing", "Event", "Failed", "Ping", "Pong", "Remainder"]


class Remainder(NamedTuple):
    """A message ended whose first part `Connection.take_part` gave; `rest` is the part after it."""

    rest: str | bytes


class Ping(NamedTuple):
    """A ping came; `Connection.answer` makes the pong."""

    payload: bytes


class Pong(NamedTuple):
    """A pong came, whether a ping asked for it or not."""

    # Section 5.5.3 of RFC 6455: "A Pong frame MAY be sent unsolicited." So this is no error, and
    # the driver compares the payload with those of its pings.
    payload: bytes


class Closing(NamedTuple):
    """The peer's close frame came; nothing is read after it."""

    close: Close


class Failed(NamedTuple):
    """The peer broke the protocol, or sent more than the limits allow."""

    cause: ProtocolError | PayloadTooBig


Event = str | bytes | Remainder | Ping | Pong | Closing | Failed
