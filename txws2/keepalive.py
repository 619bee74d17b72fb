"""Keepalive: pings that keep a connection open, and find out when it is dead."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

__all__ = ["Keepalive", "KeptAlive"]

_TICKS = 20


class KeptAlive(Protocol):
    """A connection as the keepalive sees it.

    Attributes:
        keepalive_heard: set to True by whatever arrives; the keepalive sets it to False.
    """

    keepalive_heard: bool

    def _keepalive_ping(self) -> None:
        """Send a ping."""

    def _keepalive_failed(self) -> None:
        """Give the connection up: nothing at all has arrived within ping_timeout of a ping.

        Whoever gives it up calls `discard`; otherwise it goes on being pinged.
        """


class Keepalive:
    """One LoopingCall for all the connections of a factory.

    Every connection is pinged each `interval` seconds, rather a little early than late. If
    nothing arrives from it within `timeout` seconds of a ping, it has failed. Any byte counts
    as life, not only the pong: a peer that is busy sending is alive. So with the defaults a
    peer that is gone is found in 40 seconds at most.

    Both waits are as long for one connection as for the next. So the order in which they
    were entered is the order in which they are due, and a tick looks only at those.

    A tick that comes half a timeout after the one before is no fault of the peers: the process
    was busy or stopped, or the system's clock, which is a reactor's, was set. What they have said
    meanwhile may still wait in the sockets. So such a pause counts as one tick, and who is due
    then is judged at the next.

    Args:
        clock: what the LoopingCall runs on.
        interval: seconds between pings.
        timeout: seconds to wait for a sign of life; None to wait for ever.
    """

    def __init__(self, clock: IReactorTime, interval: float, timeout: float | None) -> None:
        self._clock = clock
        self._interval = interval
        self._timeout = timeout
        self._period = min(interval, timeout or interval) / _TICKS
        self._next_ping: dict[KeptAlive, float] = {}
        self._deadline: dict[KeptAlive, float] = {}
        # When the latest that was entered is due.
        self._latest = 0.0
        self._last_tick = 0.0
        self._ticking = False
        self._loop = LoopingCall(self._tick)
        self._loop.clock = clock

    def add(self, connection: KeptAlive) -> None:
        """Keep a connection alive; its first ping is an interval away."""
        now = self._clock.seconds()
        due = now + self._interval
        # Those that come in the same hundredth of a tick share a float.
        if not 0 <= due - self._latest < self._period * 0.01:
            self._latest = due
        self._next_ping[connection] = self._latest
        if not self._loop.running:
            self._last_tick = now
            self._loop.start(self._period, now=False)

    def discard(self, connection: KeptAlive) -> None:
        """Let a connection be."""
        self._next_ping.pop(connection, None)
        self._deadline.pop(connection, None)
        if not (self._next_ping or self._ticking):
            self._rest()

    def _rest(self) -> None:
        if not self._next_ping and self._loop.running:
            self._loop.stop()

    def _tick(self) -> None:
        now = self._clock.seconds()
        # A loop that is stopped and started within its own call would go on twice.
        self._ticking = True
        pause, self._last_tick = now - self._last_tick, now
        self._judge(now - self._overlook(pause))
        self._ping(now)
        self._ticking = False
        self._rest()

    def _overlook(self, pause: float) -> float:
        """Have a pause count as one tick, which is judged at the next; return how long that is."""
        if self._timeout is None or pause <= self._timeout / 2:
            return 0
        for connection in self._deadline:
            self._deadline[connection] += pause - self._period
        return self._period

    def _judge(self, now: float) -> None:
        # A hundredth of a tick is for the rounding of sums of floats.
        for connection in _due(self._deadline, now + self._period * 0.01):
            if not connection.keepalive_heard:
                connection._keepalive_failed()

    def _ping(self, now: float) -> None:
        # What is due before the next tick would be late then.
        for connection in _due(self._next_ping, now + self._period * 0.99):
            self._next_ping[connection] = now + self._interval
            if self._timeout is not None and connection not in self._deadline:
                connection.keepalive_heard = False
                self._deadline[connection] = now + self._timeout
            connection._keepalive_ping()


def _due(times: dict[KeptAlive, float], until: float) -> Iterator[KeptAlive]:
    """Take out, one by one, those whose time has come."""
    due = [connection for connection, _ in takewhile(lambda item: item[1] <= until, times.items())]
    for connection in due:
        # What is done for one may end another.
        if times.pop(connection, None) is not None:
            yield connection
