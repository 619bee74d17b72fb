"""The intake: received events that wait for the application, for `recv`, or for a hook."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from twisted.internet.interfaces import IPushProducer

from txws2._connection.hook_queue import Succession
from txws2._connection.inbox import Inbox
from txws2._connection.phases import CLOSING, DELIVERING, HELD, OPEN, SETTLED
from txws2._connection.read_pause import MESSAGE_OVERHEAD, READ_AHEAD, Reading
from txws2._transport.capabilities import read_more_at_once
from txws2.exceptions import ConnectionClosed
from txws2.wire.events import Event

__all__ = ["Intake"]


class Intake:
    """Keeps events that can't be delivered now; most connections never have an intake.

    It gets the driver with each call: a reference to the driver would be a cycle.

    Attributes:
        reading: pauses the transport.
        inbox: has the messages for `recv`; None until it is needed.
        queue: the events that wait, in order, while the application has paused; pings and pongs
            don't.
        reads: the bytes that arrived while another read was being processed; or the rest of a
            read, while the application hasn't taken the messages before it, and what came after.
        succession: keeps the hooks in order while one of them isn't done; None if none is running.
        call: the `Call` in which that hook runs, for a server that stops.
    """

    __slots__ = ("call", "inbox", "queue", "reading", "reads", "succession")

    def __init__(self, driver: Any) -> None:
        self.reading = Reading(cast(IPushProducer, driver.transport), driver.factory.clock)
        self.inbox: Inbox | None = None
        self.queue: list[Event] | None = None
        self.reads: list[bytes] | None = None
        self.succession: Succession | None = None
        self.call: Any = None

    def need_inbox(self, driver: Any) -> Inbox:
        """Return the inbox; a new one is put into the state of the connection."""
        if self.inbox is None:
            self.inbox = Inbox(self.reading, driver.factory.max_queue)
            # An older inbox has been told these.
            if driver.connection is not None and driver.connection.unfinished and not driver.busy:
                self.inbox.arriving = driver.connection
            if driver.phase is not OPEN:
                self.inbox.discard_when_full()
            if driver.phase >= SETTLED:
                self.inbox.close(_ended_with(driver))
        return self.inbox

    def hold_read(self, data: bytes, first: bool = False) -> None:
        """Keep bytes that can't be processed now; `first` puts them before all others."""
        if self.reads is None:
            self.reads = []
        self.reads.insert(0 if first else len(self.reads), data)

    def take_read(self) -> bytes:
        """Return the first of these bytes, and keep them no longer."""
        assert self.reads is not None
        data = self.reads.pop(0)
        if not self.reads:
            self.reads = None
        return data

    def begin_read(self) -> None:
        """Have the inbox forget the unfinished message, which changes with this read."""
        if self.inbox is not None:
            self.inbox.arriving = None

    def end_read(self, driver: Any) -> None:
        """Deliver the events that wait for the end of a read; pause if too much waits then."""
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
        if self.reading.paused or self.reading.held:
            self.keep_bytes(driver)

    def let_catch_up(self, driver: Any) -> None:
        """Keep the rest of a read as it is if too much of it waits."""
        self.keep_bytes(driver)
        if not self.reading.stopped:
            self.begin_read()

    def keep_bytes(self, driver: Any) -> None:
        """Keep the bytes that come from now on as they are, if too much waits.

        Some come although reading is paused: the rest of a read, or of what TLS has read.
        """
        if not self.reading.stopped and self._is_crowded(driver):
            self.reading.stop(driver.receive_rest)
            self._await_inbox()
            driver.open_up()

    def can_go_on(self, driver: Any) -> bool:
        """Tell whether the bytes that were kept are received now; if not, it is asked again."""
        if self.reads and self._is_crowded(driver):
            self._await_inbox()
            return False
        self.reading.start()
        return True

    def _await_inbox(self) -> None:
        """Have the inbox resume reading when there is room."""
        if self.inbox is not None:
            self.inbox.pausing = True

    def _is_crowded(self, driver: Any) -> bool:
        """Tell whether 256 KiB wait until the application does something."""
        held = driver.delivery is HELD
        # While the connection is closing, the peer's close frame comes after the messages.
        if driver.phase is not OPEN or not (held or driver.factory.max_queue is not None):
            return False
        size, inbox, succession = self.queue_size, self.inbox, self.succession
        waits = held
        if inbox is not None:
            size += inbox.size
            waits = waits or (inbox.asked and inbox.reader is None)
        if succession is not None:
            size += succession.size
            waits = waits or driver.pushes
        if waits:
            size += driver.connection.unfinished
        return bool(size >= READ_AHEAD)

    def message_arrives(self, driver: Any) -> None:
        """Offer the part of a message that is here to a reader that takes parts."""
        assert driver.connection is not None
        read_more_at_once(driver.transport)
        if self.inbox is not None:
            self.inbox.put_unfinished(driver.connection)

    @property
    def queue_size(self) -> int:
        """Bytes of the messages that wait because the application has paused."""
        queue = self.queue or ()
        # Any other event is a tuple, of length 1; and there is one at most.
        return sum(map(len, queue)) + len(queue) * MESSAGE_OVERHEAD

    def enqueue(self, events: list[Event]) -> None:
        """Let events wait."""
        if self.queue is None:
            self.queue = []
        self.queue += events

    def hold(self, driver: Any) -> None:
        """Deliver nothing until `release`."""
        if driver.delivery is DELIVERING and driver.phase < SETTLED:
            driver.change_delivery(HELD)
            self.reading.hold()
            if self.inbox is not None:
                self.inbox.hold()

    def release(self, driver: Any) -> None:
        """Deliver the events that have waited, and those that come."""
        if driver.delivery is HELD:
            driver.change_delivery(DELIVERING)
        inbox = self.inbox
        if inbox is not None:
            inbox.release()
        # During a read, as in the hook of a ping, the queue waits for the end of the read.
        if not (self.queue and driver.busy):
            self.deliver_queue(driver)
        if inbox is not None:
            inbox.wake()

    def deliver_queue(self, driver: Any) -> None:
        """Deliver the events that have waited, unless the application pauses again."""
        events, self.queue = self.queue or [], None
        if self.succession is not None:
            driver.go_on()
        driver.open_up()
        if events:
            driver.deliver_later(events)
        if driver.delivery is not HELD:
            self.reading.release()

    def _read_no_more_than(self, driver: Any, succession: Succession) -> None:
        """Pause reading if too many hooks wait; while closing, drop hooks instead."""
        max_queue = driver.factory.max_queue
        if driver.phase is not OPEN:
            # The peer's close frame comes after them.
            succession.limit(max_queue)
        elif max_queue is not None and len(succession) >= max_queue:
            self.reading.pause(succession.size)

    def begin_closing(self, driver: Any) -> None:
        """Read on although nobody takes the messages: the peer's close frame comes after them."""
        if self.inbox is not None:
            self.inbox.discard_when_full()
        if self.succession is not None:
            self.succession.limit(driver.factory.max_queue)
            self.reading.resume()
        if self.reading.held:
            # The peer's close frame comes after the messages that the application doesn't take. An
            # application that has failed gets nothing more in any case.
            driver.discard_messages()
            self.release(driver)

    def close(self, driver: Any) -> None:
        """Take nothing more; the messages in the inbox can still be received."""
        if self.inbox is not None:
            self.inbox.close(_ended_with(driver))
        else:
            self.reading.close()

    def take_rest(self, driver: Any) -> None:
        """Receive the rest of a read that waits, since the transport is gone."""
        if driver.phase is OPEN and self.reading.stopped and not self.reading.held:
            # From now on, it is as while closing: no more than max_queue messages are kept.
            driver.change_phase(CLOSING)
            self.begin_closing(driver)

    def drop_queue(self) -> None:
        """Deliver nothing more, even if the application resumes in its connectionLost."""
        self.queue = None


def _ended_with(driver: Any) -> Callable[[], ConnectionClosed]:
    """Return what tells how a connection has ended, as the driver's method does.

    The inbox keeps it, so the method itself would be a cycle.
    """
    return partial(ConnectionClosed.of, driver.connection.closing)
