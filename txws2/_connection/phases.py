"""Where a connection is in its life, and what becomes of the messages that come: two tables."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from txws2.wire.connection import State

__all__ = [
    "CLOSING",
    "CONNECTING",
    "DEAF",
    "DELIVERIES",
    "DELIVERING",
    "GONE",
    "HELD",
    "NEW",
    "OPEN",
    "PHASES",
    "REFUSING",
    "SETTLED",
    "STATES",
    "Delivery",
    "Phase",
]


class Phase(IntEnum):
    """Where a connection is in its life, from its making to the end of its transport.

    Attributes:
        NEW: it has no transport yet.
        CONNECTING: the opening handshake goes on.
        REFUSING: the opening handshake has failed, and the transport is being closed.
        OPEN: messages may go both ways.
        CLOSING: the closing handshake has begun, or the connection has failed.
        SETTLED: everybody who waits for the end was told; the transport may still be there.
        GONE: the transport is gone, too.
    """

    NEW = 0
    CONNECTING = 1
    REFUSING = 2
    OPEN = 3
    CLOSING = 4
    SETTLED = 5
    GONE = 6


# An enum takes longer to look its members up than most that is done with them here.
NEW: Final = Phase.NEW
CONNECTING: Final = Phase.CONNECTING
REFUSING: Final = Phase.REFUSING
OPEN: Final = Phase.OPEN
CLOSING: Final = Phase.CLOSING
SETTLED: Final = Phase.SETTLED
GONE: Final = Phase.GONE

PHASES: dict[Phase, tuple[Phase, ...]] = {
    NEW: (CONNECTING,),
    CONNECTING: (OPEN, REFUSING, SETTLED),
    REFUSING: (SETTLED,),
    OPEN: (CLOSING, SETTLED),
    CLOSING: (SETTLED,),
    SETTLED: (GONE,),
    GONE: (),
}
"""Which phases may follow each phase."""

STATES: dict[Phase, State] = {
    NEW: State.CONNECTING,
    CONNECTING: State.CONNECTING,
    REFUSING: State.CONNECTING,
    OPEN: State.OPEN,
    CLOSING: State.CLOSING,
    SETTLED: State.CLOSED,
    GONE: State.CLOSED,
}
"""The state of RFC 6455 that an application sees in each phase."""


class Delivery(IntEnum):
    """What becomes of the messages that come.

    Attributes:
        DELIVERING: the application gets them.
        HELD: they wait, as the application has paused.
        DEAF: they are dropped, as the application has closed the connection, or has failed.
    """

    DELIVERING = 0
    HELD = 1
    DEAF = 2


DELIVERING: Final = Delivery.DELIVERING
HELD: Final = Delivery.HELD
DEAF: Final = Delivery.DEAF

DELIVERIES: dict[Delivery, tuple[Delivery, ...]] = {
    DELIVERING: (HELD, DEAF),
    HELD: (DELIVERING, DEAF),
    DEAF: (),
}
"""Which deliveries may follow each delivery."""
