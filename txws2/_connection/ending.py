"""How a connection ends, who waits for that, and what becomes of a peer that doesn't let it."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.tcp import Connection as TCPTransport
from twisted.python.failure import Failure

from txws2._connection.hook_calls import tell_lost
from txws2._connection.journal import log_closed
from txws2._connection.phases import CONNECTING, DEAF, GONE, SETTLED
from txws2._deferreds.waiters import Waiters
from txws2._transport.capabilities import abort, let_go
from txws2._transport.progress import Progress
from txws2._transport.socket_writer import WriteThrough

__all__ = ["Ending", "Moment"]


class Moment(IntEnum):
    """What somebody may wait for.

    Attributes:
        CLOSED: the connection is closed.
        TOLD: it is closed, and all others who wait for that were told.
        GONE: the transport is gone, too.
        LATE: it is closed; those who send while it is closing wait for that, and fail.
    """

    CLOSED = 0
    TOLD = 1
    GONE = 2
    LATE = 3


class Ending:
    """The end of one connection.

    It gets the driver with each call: a reference to it would be a cycle.

    Attributes:
        limited: whether the transport must be gone when a time is over.
        ours: whether it is we who close the transport.
        parted: whether the peer was given its moment to end TCP.
        progress: how far what was sent had come when the closing began, or was last given its time;
            None if that wasn't asked.
        refusal: why there never was a connection; None if there is one, or was.
        lasted: how long it was there in seconds; None as long as it is.
    """

    limited = ours = parted = False
    progress: Progress | None = None
    refusal: Exception | None = None
    lasted: float | None = None

    _waiters: dict[Moment, Waiters[Any]] | None = None
    # Whether it was given its time twice since the peer was seen to read.
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

    def limit(self, driver: Any, at_once: bool = False) -> None:
        """Expect the transport to be gone, or the peer to read, within close_timeout.

        Args:
            driver: what drives the connection.
            at_once: whether the transport is closed when all that waits was written to it.
        """
        deadlines, outbox = driver.factory.closing_deadlines, driver.outbox
        again, self.limited = self.limited, True
        if deadlines is None:
            return
        if again:
            deadlines.discard(driver)
        deadlines.add(driver)
        # Mostly nothing waits anywhere, and it costs a percent or two of a short connection to ask.
        if not (at_once and outbox.ready and isinstance(outbox, WriteThrough)):
            self.progress = driver.progress()

    def missed(self, driver: Any) -> None:
        """Go on waiting for the transport to be gone if the peer still reads."""
        deadlines = driver.factory.closing_deadlines
        before, now = self.progress, driver.progress()
        if before is None or now.since(before):
            self.progress, self._extended = now, False
            deadlines.add(driver)
        elif now.blocked and not self._extended:
            # Of slow readers, too, nothing may be seen for long.
            self._extended = True
            deadlines.add(driver)
        else:
            self.give_up(driver)

    def close_with(self, driver: Any, close: Callable[[], None]) -> None:
        """Close the transport like this when all is written to it."""
        self.ours = True
        driver.outbox.end(close)

    def part(self, driver: Any) -> None:
        """Give the peer a moment to end TCP: both close frames are sent.

        RFC 6455 section 7.1.1: a client may close the TCP connection at any time then. Over TLS, a
        server, too, has something to wait for: that the other end says that it has ended.
        """
        if driver.client or not isinstance(driver.outbox.transport, TCPTransport):
            self.parted = True
            driver.factory.parting_deadlines.add(driver)

    def parting_missed(self, driver: Any) -> None:
        """End TCP, which the peer doesn't, once all that was sent has left."""
        if driver.progress().unsent:
            # As long as that may take, the other deadline judges.
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
        """Take the end from the transport."""
        if self.limited or driver.phase is CONNECTING:
            self.call_off(driver)
        application = driver.application
        try:  # noqa: SIM105
            del application.connectionLost
        except AttributeError:
            # The application has deleted it, or has another there.
            pass
        # One counts as a connection of the factory for as long as its transport is there. So nobody
        # has more sockets than max_connections by breaking the protocol on them, and a server that
        # closes waits until the last words have left.
        lasted = driver.factory.leave(application)
        if self.lasted is None:
            self.lasted = lasted
        if driver.opened:
            driver.factory.books.close(driver.connection)
        assert reason.value is not None
        self.settle(driver, reason.value)
        if driver.outbox is not None:
            driver.outbox.close(driver.ended_with)
        driver.change_phase(GONE)
        if driver.handshake is not None:
            driver.kept, driver.handshake = driver.handshake.result(), None
        if self._waiters is not None:
            self.fire(Moment.GONE)
        if driver.intake is None and driver.delivery is DEAF:
            driver.application = driver.receiver = None
        else:
            driver.let_go_of_application()

    def call_off(self, driver: Any) -> None:
        """Take the connection out of all deadlines."""
        factory = driver.factory
        for deadlines in (factory.opening_deadlines, factory.closing_deadlines):
            if deadlines is not None:
                deadlines.discard(driver)
        if self.parted:
            factory.parting_deadlines.discard(driver)

    def settle(self, driver: Any, cause: BaseException) -> None:
        """Tell the end to all who wait for it, once."""
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
        if factory.keepalive is not None:
            factory.keepalive.discard(driver)
        connection.connection_lost(cause)
        if factory.log_connections:
            log_closed(factory.log, driver, driver.ended_with())
        if driver.intake is not None:
            driver.intake.close(driver)
        if driver.pings is not None:
            driver.pings.close(driver.ended_with())
        if self._waiters is not None and Moment.LATE in self._waiters:
            self._waiters[Moment.LATE].fail(driver.ended_with)
