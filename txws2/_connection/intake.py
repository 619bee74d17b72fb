"""What was read of a connection and waits: for the application, for `recv`, or for a hook."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from twisted.internet.interfaces import IPushProducer

from txws2._connection.hook_queue import Succession
from txws2._connection.inbox import Inbox
from txws2._connection.phases import DELIVERING, HELD, OPEN, SETTLED
from txws2._connection.read_pause import MESSAGE_OVERHEAD, Reading
from txws2._transport.capabilities import read_more_at_once
from txws2.exceptions import ConnectionClosed
from txws2.wire.events import Event

__all__ = ["Intake"]

_MESSAGE = (str, bytes)


class Intake:
    """Keeps what was read and can't be delivered now; most connections never have one.

    It gets the driver with each call: a reference to it would be a cycle.

    Attributes:
        reading: pauses the transport.
        inbox: has the messages for `recv`; None until somebody or something needs it.
        queue: what waits, as the application has paused, in order; control frames don't.
        reads: what was read while another read was being worked off.
        arriving: whether the inbox knows of a message that isn't complete.
        succession: keeps the hooks in order while one of them isn't done; None if none is running.
        call: in whose name that one runs, for a server that stops.
    """

    __slots__ = ("arriving", "call", "inbox", "queue", "reading", "reads", "succession")

    def __init__(self, driver: Any) -> None:
        self.reading = Reading(cast(IPushProducer, driver.transport), driver.factory.clock)
        self.inbox: Inbox | None = None
        self.queue: list[Event] | None = None
        self.reads: list[bytes] | None = None
        self.arriving = False
        self.succession: Succession | None = None
        self.call: Any = None

    def need_inbox(self, driver: Any) -> Inbox:
        """Return the inbox, which knows how far the connection has come."""
        if self.inbox is None:
            self.inbox = Inbox(self.reading, driver.factory.max_queue)
            # What it would have been told by now.
            if driver.phase is not OPEN:
                self.inbox.discard_when_full()
            if driver.phase >= SETTLED:
                self.inbox.close(_ended_with(driver))
        return self.inbox

    def begin_read(self) -> None:
        """Take it that what the inbox knows of an unfinished message isn't true any more."""
        if self.arriving:
            self.arriving = False
            assert self.inbox is not None
            self.inbox.arriving = None

    def end_read(self, driver: Any) -> None:
        """Deliver what waits for the end of a read, and read no more than there is room for."""
        connection = driver.connection
        assert connection is not None
        if self.queue and driver.delivery is not HELD:
            self.deliver_queue(driver)
        if connection.unfinished and driver.phase < SETTLED:
            self.message_arrives(driver)
        if driver.delivery is HELD:
            self.reading.hold_on(self.queue_size + connection.unfinished)
        if self.succession is not None:
            self._read_no_more_than(driver, self.succession)

    def message_arrives(self, driver: Any) -> None:
        """Offer the part of a message that is here to whoever wants it in parts."""
        assert driver.connection is not None
        self.arriving = True
        read_more_at_once(driver.transport)
        self.need_inbox(driver).put_unfinished(driver.connection)

    @property
    def queue_size(self) -> int:
        """Bytes that the messages have that wait, as the application has paused."""
        messages = (event for event in self.queue or () if isinstance(event, _MESSAGE))
        return sum(len(message) + MESSAGE_OVERHEAD for message in messages)

    def enqueue(self, event: Event) -> None:
        """Let an event wait."""
        if self.queue is None:
            self.queue = []
        self.queue.append(event)

    def hold(self, driver: Any) -> None:
        """Deliver nothing until `release`."""
        if driver.delivery is DELIVERING and driver.phase < SETTLED:
            driver.change_delivery(HELD)
            self.reading.hold()

    def release(self, driver: Any) -> None:
        """Deliver what has waited, and what comes."""
        if driver.delivery is HELD:
            driver.change_delivery(DELIVERING)
        # Within the hook of a ping, say, the queue waits for the end of the read.
        if not (self.queue and driver.busy):
            self.deliver_queue(driver)

    def deliver_queue(self, driver: Any) -> None:
        """Deliver what has waited, unless the application pauses again."""
        events, self.queue = self.queue or [], None
        if self.succession is not None:
            driver.go_on()
        driver.open_up()
        if events:
            driver.deliver_later(events)
        if driver.delivery is not HELD:
            self.reading.release()

    def _read_no_more_than(self, driver: Any, succession: Succession) -> None:
        """Pause reading if too many hooks wait; while it is closing, drop those instead."""
        max_queue = driver.factory.max_queue
        if driver.phase is not OPEN:
            # The peer's close frame is behind them.
            succession.limit(max_queue)
        elif max_queue is not None and len(succession) >= max_queue:
            self.reading.pause(succession.size)

    def begin_closing(self, driver: Any) -> None:
        """Read on although nobody takes what comes: the peer's close frame is behind it."""
        if self.inbox is not None:
            self.inbox.discard_when_full()
        if self.succession is not None:
            self.succession.limit(driver.factory.max_queue)
            self.reading.resume()
        if self.reading.held:
            # The peer's close frame is behind what the application doesn't want to have. An
            # application that has failed gets nothing more already.
            driver.deafen()
            self.release(driver)

    def close(self, driver: Any) -> None:
        """Take it that nothing more comes; what the inbox has can still be got."""
        if self.inbox is not None:
            self.inbox.close(_ended_with(driver))
        else:
            self.reading.close()

    def drop_queue(self) -> None:
        """Deliver nothing more, even if the application resumes in its connectionLost."""
        self.queue = None


def _ended_with(driver: Any) -> Callable[[], ConnectionClosed]:
    """Return what tells how a connection has ended, as the driver's method does.

    The inbox keeps it, so the method itself would be a cycle.
    """
    return partial(ConnectionClosed.of, driver.connection.closing)
