"""The end of a connection, those who wait for it, and the time that the peer has for it."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.tcp import Connection as TCPTransport
from twisted.python.failure import Failure

from txws2._connection.hook_calls import let_go_of_application, tell_lost
from txws2._connection.journal import log_closed
from txws2._connection.phases import CONNECTING, DISCARDING, GONE, SETTLED
from txws2._deferreds.waiters import Waiters
from txws2._transport.capabilities import abort, let_go
from txws2._transport.progress import Progress
from txws2._transport.socket_writer import WriteThrough

__all__ = ["Ending", "Moment"]


class Moment(IntEnum):
    """A moment that somebody may wait for.

    Attributes:
        CLOSED: the connection is closed.
        TOLD: it is closed, and all others who wait for that were told.
        GONE: the transport is gone, too.
        LATE: it is closed; a call that came too late, while it was closing, fails then.
        CLOSING: the closing handshake has begun. It doesn't come if the transport was lost first.
    """

    CLOSED = 0
    TOLD = 1
    GONE = 2
    LATE = 3
    CLOSING = 4


class Ending:
    """The end of one connection.

    It gets the driver with each call: a reference to the driver would be a cycle.

    Attributes:
        limited: True if the transport has to be gone within a limited time.
        ours: True if we close the transport.
        parted: True if the peer was given its moment to end TCP.
        progress: the progress of the sent bytes when that time last began; None if that wasn't
            asked.
        refusal: the reason why the connection never opened; None if it is or was open.
        lasted: the seconds that the connection lasted; None as long as it lasts.
    """

    limited = ours = parted = False
    progress: Progress | None = None
    refusal: Exception | None = None
    lasted: float | None = None

    _waiters: dict[Moment, Waiters[Any]] | None = None
    # True if that time was extended since the peer was last seen to read.
    _extended = False

    def wait(self, moment: Moment) -> Deferred[Any]:
        """Return a Deferred that fires at this moment; it may be cancelled."""
        if self._waiters is None:
            self._waiters = {}
        return self._waiters.setdefault(moment, Waiters()).wait()

    def fire(self, moment: Moment) -> None:
        """Tell those who wait for this moment."""
        if self._waiters is not None and moment in self._waiters:
            self._waiters[moment].fire(None)

    def waiting(self, moment: Moment) -> int:
        """Return how many wait for this moment."""
        return 0 if self._waiters is None else len(self._waiters.get(moment, ()))

    # The closing of the transport.

    def begin(self, driver: Any, at_once: bool) -> None:
        """Limit the time of a closing handshake that begins, and tell those who wait for that."""
        if not self.limited:
            self.limit(driver, at_once)
            self.fire(Moment.CLOSING)

    def limit(self, driver: Any, at_once: bool = False) -> None:
        """Expect the transport to be gone, or the peer to read, within close_timeout.

        Args:
            driver: the driver of the connection.
            at_once: True if the transport is closed as soon as the outbox is written to it.
        """
        deadlines, outbox = driver.factory.closing_deadlines, driver.outbox
        again, self.limited = self.limited, True
        if deadlines is None:
            return
        if again:
            deadlines.discard(driver)
        deadlines.add(driver)
        # Mostly nothing waits anywhere, and asking costs a percent or two of a short connection.
        if not (at_once and outbox.ready and isinstance(outbox, WriteThrough)):
            self.progress = driver.progress()

    def missed(self, driver: Any) -> None:
        """Wait on for the transport to be gone if the peer still reads; else, give up."""
        deadlines = driver.factory.closing_deadlines
        before, now = self.progress, driver.progress()
        if before is None or now.since(before):
            self.progress, self._extended = now, False
            deadlines.add(driver)
        elif now.blocked and not self._extended:
            # A slow reader, too, may show no progress for long.
            self._extended = True
            deadlines.add(driver)
        else:
            self.give_up(driver)

    def close_with(self, driver: Any, close: Callable[[], None]) -> None:
        """Call this to close the transport when all is written to it."""
        self.ours = True
        driver.outbox.end(close)

    def part(self, driver: Any) -> None:
        """Give the peer a moment to end TCP: both close frames are sent.

        RFC 6455 section 7.1.1: a client may close the TCP connection at any time then. Over TLS, a
        server waits, too: for the close_notify alert of the peer.
        """
        if driver.client or not isinstance(driver.outbox.transport, TCPTransport):
            self.parted = True
            driver.factory.parting_deadlines.add(driver)

    def parting_missed(self, driver: Any) -> None:
        """End TCP, since the peer doesn't, once all that was sent has left."""
        if driver.progress().unsent:
            # The other deadline limits how long that may take.
            driver.factory.parting_deadlines.add(driver)
            return
        driver.note("the peer leaves TCP open")
        self.close_with(driver, partial(let_go, driver.transport))

    def give_up(self, driver: Any) -> None:
        """Wait no longer for the transport to be gone."""
        driver.note("timed out while closing")
        if driver.progress().arrived:
            self.close_with(driver, partial(let_go, driver.transport))
        else:
            self.ours = True
            abort(driver.transport)

    # The end itself.

    def transport_lost(self, driver: Any, reason: Failure) -> None:
        """Take the end of the transport."""
        application, factory = driver.application, driver.factory
        if driver.intake is not None:
            driver.intake.take_rest(driver)
        if self.limited or driver.phase is CONNECTING:
            self.call_off(driver)
        elif factory.keepalive is not None:
            # It was open, and `begin_closing` hasn't done this.
            factory.keepalive.discard(driver)
        try:  # noqa: SIM105
            del application.connectionLost
        except AttributeError:
            # The application has deleted it, or has another there.
            pass
        # A connection counts for its factory as long as its transport is there. So nobody gets more
        # sockets than max_connections by breaking the protocol, and a server that closes waits
        # until the last bytes have left.
        lasted = factory.leave(application)
        if self.lasted is None:
            self.lasted = lasted
        if driver.opened:
            factory.books.close(driver.connection)
        assert reason.value is not None
        self.settle(driver, reason.value)
        if driver.outbox is not None:
            driver.outbox.close(driver.ended_with)
        driver.change_phase(GONE)
        if driver.handshake is not None:
            driver.kept, driver.handshake = driver.handshake.result(), None
        if self._waiters is not None:
            self.fire(Moment.GONE)
        if driver.intake is None and driver.delivery is DISCARDING:
            driver.application = driver.receiver = None
        else:
            let_go_of_application(driver)

    def call_off(self, driver: Any) -> None:
        """Take the connection out of all deadlines."""
        factory = driver.factory
        for deadlines in (factory.opening_deadlines, factory.closing_deadlines):
            if deadlines is not None:
                deadlines.discard(driver)
                deadlines.rest()
        if self.parted:
            factory.parting_deadlines.discard(driver)

    def settle(self, driver: Any, cause: BaseException) -> None:
        """Tell all who wait for the end, once."""
        if driver.phase >= SETTLED:
            return
        if self.lasted is None:
            self.lasted = driver.factory.uptime_of(driver.application)
        if driver.opened:
            self._settle_opened(driver, cause)
        else:
            self._settle_refused(driver, cause)
        if driver.outbox is not None:
            driver.outbox.release(driver.ended_with)
        if driver.intake is not None:
            driver.intake.drop_queue()
        if driver.handshake is None or driver.handshake.made:
            tell_lost(driver)
        if self._waiters is not None:
            self.fire(Moment.CLOSED)
            self.fire(Moment.TOLD)

    def _settle_refused(self, driver: Any, cause: BaseException) -> None:
        handshake = driver.handshake
        driver.change_phase(SETTLED)
        if self.refusal is None:
            self.refusal = handshake.lost(cause)
        driver.factory.books.refuse(self.refusal)
        handshake.opened.fail(driver.ended_with)

    def _settle_opened(self, driver: Any, cause: BaseException) -> None:
        factory, connection = driver.factory, driver.connection
        driver.change_phase(SETTLED)
        connection.connection_lost(cause)
        if factory.log_connections:
            log_closed(factory.log, driver, driver.ended_with())
        if factory.access_log is not None:
            factory.access_log(driver, 101)
        if driver.intake is not None:
            driver.intake.close(driver)
        if driver.pings is not None:
            driver.pings.close(driver.ended_with())
        if self._waiters is not None and Moment.LATE in self._waiters:
            self._waiters[Moment.LATE].fail(driver.ended_with)
