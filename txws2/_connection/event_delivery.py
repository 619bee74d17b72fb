"""Delivery of events: messages go to the application, other events to the part they concern.

Each function gets the driver of the connection.
"""

from __future__ import annotations

from typing import Any

from txws2._connection.closing_handshake import begin_closing
from txws2._connection.hook_calls import tell
from txws2._connection.phases import DELIVERING, HELD
from txws2._transport.capabilities import close_softly
from txws2.wire.events import Closing, Event, Failed, Ping, Pong, Remainder
from txws2.wire.exceptions import ProtocolError
from txws2.wire.frames import CLOSE, PING

__all__ = ["deliver", "deliver_later", "open_up", "take_control"]

_MESSAGE = (str, bytes)

# Events that are delivered although the application has paused.
_MAY_PASS = {Ping, Pong}


def deliver(driver: Any, events: list[Event]) -> None:
    """Give messages to the application, and do what other events demand."""
    end = len(events)
    position = driver.give_messages(events, 0)
    while position < end:
        event = events[position]
        if driver.shut and _waits(driver, event):
            rest = events[position:]
            if _MAY_PASS.isdisjoint(map(type, rest)):
                # Nothing is delivered before the application goes on.
                driver.need_intake().enqueue(rest)
                return
            driver.need_intake().enqueue([event])
        elif isinstance(event, _MESSAGE):
            tell(driver, "messageReceived", event)
        else:
            _react(driver, event)
        position = driver.give_messages(events, position + 1)


def take_control(driver: Any, opcode: int, payload: bytes) -> None:
    """Do what a control frame demands, as `deliver` does with its event."""
    connection = driver.connection
    if opcode == CLOSE:
        try:
            event: Closing | Failed = connection.control(opcode, payload)
        except ProtocolError as exc:
            event = connection.refuse(exc)
        deliver(driver, [event])
    else:
        connection.count_in(opcode, 0)
        (_take_ping if opcode == PING else _take_pong)(driver, payload)


def _waits(driver: Any, event: Event) -> bool:
    """Tell whether an event waits: the application has paused, or earlier events wait."""
    if type(event) in _MAY_PASS:
        return False
    if driver.delivery is HELD:
        return True
    return driver.intake is not None and bool(driver.intake.queue)


def open_up(driver: Any) -> None:
    """Let messages take the fast path, unless they have to wait or are dropped."""
    intake = driver.intake
    waiting = intake is not None and (
        bool(intake.queue)
        or intake.reading.stopped
        or (intake.succession is not None and driver.pushes)
    )
    driver.shut = waiting or driver.delivery is not DELIVERING


def deliver_later(driver: Any, events: list[Event]) -> None:
    """Deliver events that have waited; as in a read, frames sent meanwhile leave in one piece."""
    if driver.busy:
        deliver(driver, events)
        driver.wake()
        return
    driver.busy = True
    driver.outbox.cork()
    try:
        deliver(driver, events)
        driver.wake()
        while driver.holds:
            driver.receive_held()
            driver.wake()
    finally:
        driver.busy = False
        driver.outbox.uncork()


def _react(driver: Any, event: Remainder | Ping | Pong | Closing | Failed) -> None:
    # RFC 6455 section 5.5.2: a pong is sent "as soon as is practical", so it doesn't wait for the
    # answers to the messages of the same read.
    if isinstance(event, Ping):
        _take_ping(driver, event.payload)
        return
    if isinstance(event, Pong):
        _take_pong(driver, event.payload)
        return
    # Whoever waits for messages answers those before this event first.
    driver.wake()
    connection = driver.connection
    assert connection is not None
    if isinstance(event, Remainder):
        driver.need_inbox().put_remainder(event)
    elif isinstance(event, Closing):
        _peer_closes(driver, connection.answer(event))
    else:
        _peer_failed(driver, event, connection.answer(event))


def _take_ping(driver: Any, payload: bytes) -> None:
    pong = driver.connection.pong(payload)
    if pong:
        driver.outbox.write_pong(pong)
    tell(driver, "pingReceived", payload)


def _take_pong(driver: Any, payload: bytes) -> None:
    if driver.pings is not None:
        driver.pings.settle(payload, driver.factory.clock.seconds())
    tell(driver, "pongReceived", payload)


def _peer_closes(driver: Any, reply: bytes) -> None:
    """Close, as the peer does; `reply` is our close frame, empty if that was sent."""
    if reply:
        driver.outbox.write(reply)
    begin_closing(driver, at_once=not driver.client)
    ending = driver.ending
    # RFC 6455 section 7.1.1: the server closes the TCP connection.
    if not driver.client:
        ending.close_with(driver, driver.outbox.transport.loseConnection)
    ending.part(driver)


def _peer_failed(driver: Any, event: Failed, frame: bytes) -> None:
    """Close the transport after this last frame, if there is one, and receive nothing more."""
    assert driver.connection is not None
    driver.outbox.discard()
    if frame:
        driver.outbox.write_control(frame)
    begin_closing(driver)
    driver.need_ending().close_with(driver, lambda: close_softly(driver.transport))
    driver.factory.peer_failed(driver, event.cause)
    if driver.intake is not None and driver.connection.unfinished:
        driver.intake.message_arrives(driver)
    # A peer that has broken the protocol may leave its end open, so nobody has to wait until
    # the transport is gone.
    driver.settle(event.cause)
