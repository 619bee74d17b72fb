"""Sends messages that don't take the fast path, each of them in its turn.

Each function gets the driver of the connection.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock, fail

from txws2._connection.ending import Moment
from txws2._connection.fragments import check_fragments, send_fragments
from txws2._connection.phases import OPEN, SETTLED
from txws2._deferreds.tasks import started
from txws2._deferreds.waiters import fail_quietly, forward_quietly
from txws2.exceptions import InvalidState
from txws2.interfaces import Fragments
from txws2.wire.closing import CloseCode
from txws2.wire.connection import Connection
from txws2.wire.encoder import Part
from txws2.wire.shared_message import SharedMessage

__all__ = ["send", "send_in_turn", "send_now", "send_shared", "when_not_open"]


def send(
    driver: Any, message: Part | Fragments, text: bool | None, compress: bool | None
) -> Deferred[None]:
    """Send a message, whole or in fragments; see `WebSocketProtocol.send`."""
    driver.check_thread()
    if isinstance(message, (str, bytes, bytearray, memoryview)):
        return send_in_turn(driver, message, text, compress)
    check_fragments(message)
    if driver.turns is None:
        driver.turns = DeferredLock()

    def write(part: Part, last: bool) -> Deferred[None]:
        encode = partial(Connection.send_fragment, last=last)
        return _write(driver, encode, part, text, compress)

    def break_off() -> None:
        driver.close(CloseCode.INTERNAL_ERROR, "error in fragmented message")

    def send_all() -> Deferred[None]:
        # The parts may be those of an asynchronous generator of the application.
        return started(send_fragments(message, write, break_off))

    return forward_quietly(driver.turns.run(send_all))


def send_now(
    driver: Any, message: Part, text: bool | None = None, compress: bool | None = None
) -> None:
    """Send a message without waiting; see `WebSocketProtocol.sendMessage`."""
    driver.check_thread()
    if driver.phase is not OPEN:
        if driver.phase < OPEN:
            raise InvalidState("the connection isn't open yet; wait for connectionOpened()")
    elif driver.turns is None:
        driver.outbox.write(driver.connection.send_message(message, text, compress))
    else:
        send_in_turn(driver, message, text, compress)


def send_in_turn(
    driver: Any, message: Part, text: bool | None, compress: bool | None
) -> Deferred[None]:
    """Send a whole message, after the fragments of another."""
    if driver.turns is None or not driver.turns.locked:
        return _write(driver, Connection.send_message, message, text, compress)
    turn = driver.turns.run(_write, driver, Connection.send_message, message, text, compress)
    return forward_quietly(turn)


def send_shared(driver: Any, message: SharedMessage, slow: str) -> bool:
    """Send a message that `broadcast` sends on many connections; tell whether it was sent."""
    if driver.phase is not OPEN:
        return False
    if driver.outbox.falls_behind(until_drained=slow == "skip"):
        if slow == "close":
            driver.close(CloseCode.TRY_AGAIN_LATER, "too slow")
        return False
    if driver.turns is None:
        driver.outbox.write(driver.connection.send_shared(message))
    else:
        send_in_turn(driver, message.message, message.text, message.compress)
    return True


def _write(driver: Any, encode: Callable[..., bytes], *arguments: object) -> Deferred[None]:
    """Write the frame that this method of the connection makes of these arguments."""
    if driver.phase is not OPEN:
        return when_not_open(driver)
    driver.outbox.write(encode(driver.connection, *arguments))
    drained: Deferred[None] = driver.outbox.drained()
    return drained


def when_not_open(driver: Any) -> Deferred[Any]:
    """Return a Deferred that fails, now or at the end, as the connection isn't open."""
    if driver.phase < OPEN:
        return fail(InvalidState("the connection isn't open yet; wait for wait_opened()"))
    if driver.phase < SETTLED:
        late: Deferred[Any] = driver.need_ending().wait(Moment.LATE)
        return late
    failed: Deferred[Any] = Deferred()
    fail_quietly(failed, driver.ended_with())
    return failed
