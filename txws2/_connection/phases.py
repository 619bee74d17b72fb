"""The states of a connection, each kind with a table of its transitions."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from txws2.wire.connection import State

__all__ = [
    "CLOSING",
    "CONNECTING",
    "DELIVERIES",
    "DELIVERING",
    "DISCARDING",
    "FINAL",
    "FULL",
    "GONE",
    "HELD",
    "INBOX_STATES",
    "LAST",
    "NEW",
    "OPEN",
    "PHASES",
    "REFUSING",
    "SETTLED",
    "STATES",
    "TAKING",
    "Delivery",
    "InboxState",
    "Phase",
]


class Phase(IntEnum):
    """A phase of a connection's life, from its making to the end of its transport.

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


# Looking up a member of an enum takes longer than most that is done with it.
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
"""The phases that may follow each phase."""

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
    """The treatment of the messages that come.

    Attributes:
        DELIVERING: the application gets them.
        HELD: they wait, as the application has paused.
        DISCARDING: they are dropped, as the application has closed the connection, or has failed.
    """

    DELIVERING = 0
    HELD = 1
    DISCARDING = 2


DELIVERING: Final = Delivery.DELIVERING
HELD: Final = Delivery.HELD
DISCARDING: Final = Delivery.DISCARDING

DELIVERIES: dict[Delivery, tuple[Delivery, ...]] = {
    DELIVERING: (HELD, DISCARDING),
    HELD: (DELIVERING, DISCARDING),
    DISCARDING: (),
}
"""The deliveries that may follow each delivery."""


class InboxState(IntEnum):
    """The treatment of the messages that an inbox gets.

    Attributes:
        TAKING: it keeps them all; while there are too many, reading pauses.
        LAST: the connection is closing, so reading goes on; it keeps as many as there is room for.
        FULL: there was no room for one message, so the inbox keeps none after it.
        FINAL: the connection is closed; the messages that are kept can still be received.
    """

    TAKING = 0
    LAST = 1
    FULL = 2
    FINAL = 3


TAKING: Final = InboxState.TAKING
LAST: Final = InboxState.LAST
FULL: Final = InboxState.FULL
FINAL: Final = InboxState.FINAL

INBOX_STATES: dict[InboxState, tuple[InboxState, ...]] = {
    TAKING: (LAST, FINAL),
    LAST: (FULL, FINAL),
    FULL: (FINAL,),
    FINAL: (),
}
"""The states of an inbox that may follow each state."""
