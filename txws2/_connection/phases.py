"""Where a connection is in its life, and what becomes of the messages that come: two tables."""

from __future__ import annotations

from enum import IntEnum

from txws2.wire.connection import State

__all__ = ["DELIVERIES", "PHASES", "STATES", "Delivery", "Phase", "check_delivery", "check_phase"]


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


PHASES: dict[Phase, tuple[Phase, ...]] = {
    Phase.NEW: (Phase.CONNECTING,),
    Phase.CONNECTING: (Phase.OPEN, Phase.REFUSING, Phase.SETTLED),
    Phase.REFUSING: (Phase.SETTLED,),
    Phase.OPEN: (Phase.CLOSING, Phase.SETTLED),
    Phase.CLOSING: (Phase.SETTLED,),
    Phase.SETTLED: (Phase.GONE,),
    Phase.GONE: (),
}
"""Which phases may follow each phase."""

STATES: dict[Phase, State] = {
    Phase.NEW: State.CONNECTING,
    Phase.CONNECTING: State.CONNECTING,
    Phase.REFUSING: State.CONNECTING,
    Phase.OPEN: State.OPEN,
    Phase.CLOSING: State.CLOSING,
    Phase.SETTLED: State.CLOSED,
    Phase.GONE: State.CLOSED,
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


DELIVERIES: dict[Delivery, tuple[Delivery, ...]] = {
    Delivery.DELIVERING: (Delivery.HELD, Delivery.DEAF),
    Delivery.HELD: (Delivery.DELIVERING, Delivery.DEAF),
    Delivery.DEAF: (),
}
"""Which deliveries may follow each delivery."""


def check_phase(before: Phase, after: Phase) -> Phase:
    """Return the phase that follows.

    Raises:
        RuntimeError: the table has no such transition.
    """
    if after not in PHASES[before]:
        raise RuntimeError(f"a connection that is {before.name} can't become {after.name}")
    return after


def check_delivery(before: Delivery, after: Delivery) -> Delivery:
    """Return the delivery that follows.

    Raises:
        RuntimeError: the table has no such transition.
    """
    if after not in DELIVERIES[before]:
        raise RuntimeError(f"a delivery that is {before.name} can't become {after.name}")
    return after
