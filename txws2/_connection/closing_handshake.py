"""The start of the closing handshake (RFC 6455 section 7.1.2), and the limit of its time.

Each function gets the driver of the connection.
"""

from __future__ import annotations

from typing import Any

from txws2._connection.phases import CLOSING, OPEN
from txws2.exceptions import InvalidHandshake
from txws2.wire.closing import Close, CloseCode

__all__ = ["begin_closing", "give_up_silent", "start_closing"]


def start_closing(driver: Any, code: int, reason: str) -> None:
    """Send a close frame; before the connection is open, break the opening handshake off."""
    if driver.phase < OPEN:
        Close(code, reason).payload()
        why = f": {reason}" if reason else ""
        driver.need_handshake().give_in(
            InvalidHandshake(f"closed before the connection was open{why}")
        )
    elif driver.phase is OPEN:
        driver.outbox.write(driver.connection.send_close(code, reason))
        begin_closing(driver)


def begin_closing(driver: Any, at_once: bool = False) -> None:
    """Expect the connection to end, or the peer to read, within close_timeout.

    Args:
        driver: the driver of the connection.
        at_once: True if the transport is closed as soon as the outbox is written to it.
    """
    if driver.phase is OPEN:
        driver.change_phase(CLOSING)
    if driver.factory.keepalive is not None:
        driver.factory.keepalive.discard(driver)
    if driver.intake is not None:
        driver.intake.begin_closing(driver)
    driver.need_ending().begin(driver, at_once)


def give_up_silent(driver: Any) -> None:
    """Give up the connection, as no byte has arrived within ping_timeout of a ping."""
    if driver.intake is not None and not driver.intake.reading.listening:
        # We haven't read; the peer may have sent a lot.
        return
    driver.note("timed out waiting for keepalive pong")
    frame = driver.connection.fail(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
    driver.outbox.discard()
    driver.outbox.write_control(frame)
    begin_closing(driver)
    driver.need_ending().close_with(driver, driver.transport.loseConnection)
    # A peer that is gone won't answer, so nobody has to wait until the transport knows.
    driver.settle(TimeoutError("no sign of life within ping_timeout"))
