"""Keepalive: pings keep a connection open, and find out that its peer is gone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from txws2._deferreds.isolation import isolated
from txws2._transport.progress import Progress

__all__ = ["Keepalive", "KeptAlive"]

_TICKS = 20
# The part of the timeout for which the progress of a silent connection is watched.
_WATCHED = 0.9


class KeptAlive(Protocol):
    """A connection as the keepalive sees it.

    Attributes:
        heard: set to True by whatever arrives; the keepalive sets it to False.
    """

    heard: bool

    def keepalive_ping(self) -> None:
        """Send a ping."""

    def keepalive_progress(self) -> Progress:
        """Return the progress of the sent bytes; called only after some silence of the peer."""

    def keepalive_failed(self) -> None:
        """Give the connection up: no byte has arrived within ping_timeout of a ping.

        The implementation calls `discard`; otherwise the connection goes on being pinged.
        """


class Keepalive:
    """One LoopingCall for all the connections of a server, or of all clients with these times.

    Every connection is pinged each `interval` seconds, rather a little early than late. If no
    byte arrives from it within `timeout` seconds of a ping, it has failed. Any byte counts as a
    sign of life, not only the pong: a peer that is busy sending is alive. So with the defaults a
    peer that is gone is found in 40 seconds at most.

    A peer that reads slowly gets the ping after all bytes that were sent before it. So the
    progress of these bytes counts, too. If a peer was silent in the first tenth of the timeout,
    its progress is noted. If there is more progress at the end of the timeout, the peer has as
    long again, and so on. Peers that answer in time aren't asked for their progress. Peers that
    read slowly are watched for most of the timeout, as their progress shows only now and then.

    Each wait is as long for one connection as for the next. So connections are due in the order
    in which they were added, and a tick looks only at those that are due.

    If a tick comes more than half a timeout after the one before, the process was busy or
    stopped, and the peers' bytes may still wait in the sockets. So such a pause counts as one
    tick, and connections that are due then are judged at the next.

    Args:
        clock: the clock of the LoopingCall.
        interval: seconds between pings.
        timeout: seconds to wait for a sign of life; None to wait for ever.
    """

    def __init__(self, clock: IReactorTime, interval: float, timeout: float | None) -> None:
        self._clock = clock
        self._interval = interval
        self._timeout = timeout
        self._period = min(interval, timeout or interval) / _TICKS
        # The time for which a silent connection is watched, a whole number of ticks.
        self._watch_seconds = round((timeout or 0) * _WATCHED / self._period) * self._period
        self._next_ping: dict[KeptAlive, float] = {}
        # The time from which a pinged connection is watched, unless it was heard.
        self._watch_from: dict[KeptAlive, float] = {}
        # The time at which a watched connection has failed, and its progress when noted last.
        self._deadline: dict[KeptAlive, float] = {}
        self._progress: dict[KeptAlive, Progress] = {}
        # The due time of the connection that was added last.
        self._latest = 0.0
        self._last_tick = 0.0
        self._ticking = False
        self._loop = LoopingCall(self._tick)
        self._loop.clock = clock

    def add(self, connection: KeptAlive) -> None:
        """Keep a connection alive; its first ping is an interval away."""
        now = self._clock.seconds()
        due = now + self._interval
        # Connections that are added in the same hundredth of a tick share a float, to save memory.
        if not 0 <= due - self._latest < self._period * 0.01:
            self._latest = due
        self._next_ping[connection] = self._latest
        if not self._loop.running:
            self._last_tick = now
            self._loop.start(self._period, now=False)

    def discard(self, connection: KeptAlive) -> None:
        """Stop pinging and watching a connection."""
        self._next_ping.pop(connection, None)
        if self._watch_from or self._deadline:
            self._watch_from.pop(connection, None)
            self._deadline.pop(connection, None)
            self._progress.pop(connection, None)

    def rest(self) -> None:
        """Stop the LoopingCall, if there is no connection.

        `discard` doesn't: where connections come and go, the next would start it again each time.
        """
        if not (self._next_ping or self._ticking) and self._loop.running:
            self._loop.stop()

    def _tick(self) -> None:
        now = self._clock.seconds()
        # A LoopingCall that is stopped and started within its own call would run twice.
        self._ticking = True
        pause, self._last_tick = now - self._last_tick, now
        allowed = self._shorten_pause(pause)
        self._start_watching(now - allowed)
        self._judge(now - allowed)
        self._ping(now)
        self._ticking = False
        self.rest()

    def _shorten_pause(self, pause: float) -> float:
        """Let a long pause count as one tick, and return the length of a tick; 0 for no pause."""
        if self._timeout is None or pause <= self._timeout / 2:
            return 0
        for times in (self._watch_from, self._deadline):
            for connection in times:
                times[connection] += pause - self._period
        return self._period

    def _judge(self, now: float) -> None:
        # A hundredth of a tick allows for rounding errors in sums of floats.
        for connection in _due(self._deadline, now + self._period * 0.01):
            isolated(self._judge_one, connection)

    def _judge_one(self, connection: KeptAlive) -> None:
        if self._is_dead(connection):
            connection.keepalive_failed()

    def _is_dead(self, connection: KeptAlive) -> bool:
        before = self._progress.pop(connection)
        if connection.heard:
            return False
        progress = connection.keepalive_progress()
        if not progress.since(before):
            return True
        self._keep_watching(connection, progress, self._last_tick)
        return False

    def _start_watching(self, now: float) -> None:
        until = now + self._period * 0.01
        for connection, due in list(
            takewhile(lambda item: item[1] <= until, self._watch_from.items())
        ):
            del self._watch_from[connection]
            isolated(self._watch_one, connection, due)

    def _watch_one(self, connection: KeptAlive, due: float) -> None:
        if not connection.heard:
            self._keep_watching(connection, connection.keepalive_progress(), due)

    def _keep_watching(self, connection: KeptAlive, progress: Progress, since: float) -> None:
        self._progress[connection] = progress
        self._deadline[connection] = since + self._watch_seconds

    def _ping(self, now: float) -> None:
        # A ping that is due before the next tick would be late at that tick.
        for connection in _due(self._next_ping, now + self._period * 0.99):
            self._next_ping[connection] = now + self._interval
            if self._timeout is not None and not (
                connection in self._watch_from or connection in self._deadline
            ):
                connection.heard = False
                self._watch_from[connection] = now + self._timeout - self._watch_seconds
            isolated(connection.keepalive_ping)


def _due(times: dict[KeptAlive, float], until: float) -> Iterator[KeptAlive]:
    """Remove and yield, one by one, the connections that are due."""
    due = [connection for connection, _ in takewhile(lambda item: item[1] <= until, times.items())]
    for connection in due:
        # The caller may have discarded this one while it dealt with another.
        if times.pop(connection, None) is not None:
            yield connection
