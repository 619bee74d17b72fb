"""The factory of connections, the same for both sides: options, counters, deadlines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, KeysView
from functools import cached_property
from operator import methodcaller
from typing import Any, Generic, TypedDict, TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from txws2._checks.kinds import check_count, check_flag, check_reactor, check_seconds, shown
from txws2._checks.signatures import check_hook
from txws2._connection.counters import Books, FactoryCounters
from txws2._connection.frame_log import FrameHook
from txws2._connection.handle import driver_of
from txws2._connection.keepalive import Keepalive
from txws2._connection.stderr_log import show_errors
from txws2._deferreds.asyncio_reactor import check_loop
from txws2._time.deadlines import Deadlines
from txws2._time.steady import steady
from txws2._transport.epoll_sharing import EpollSharing
from txws2.wire.compression_budget import CompressionBudget
from txws2.wire.http.readers import MAX_HEADERS, MAX_LINE_SIZE, HeadLimits
from txws2.wire.permessage_deflate import PRESETS, PerMessageDeflate

__all__ = ["ConnectionFactory", "ConnectionOptions", "global_reactor"]

# Seconds that a peer has to end TCP when both close frames are sent. A round trip is enough, and a
# slower peer loses nothing.
_PATIENCE = 1


class ConnectionOptions(TypedDict, total=False):
    """The options that servers and clients share; `ConnectionFactory` explains them."""

    max_size: int | None
    max_fragments: int | None
    compression: str | PerMessageDeflate | None
    compression_memory: int | None
    max_queue: int | None
    write_limit: int | None
    ping_interval: float | None
    ping_timeout: float | None
    open_timeout: float | None
    close_timeout: float | None
    max_line_size: int
    max_headers: int
    share_epoll: bool
    debug: bool | None
    log_connections: bool
    trace: FrameHook | None


P = TypeVar("P")
T = TypeVar("T")


class ConnectionFactory(Factory, Generic[P]):
    """The factory of connections, which the factories of both sides extend.

    Args:
        reactor: the reactor to run on; None for the global one.
        max_size: bytes that an incoming message may have (1 MiB); a larger one fails the
            connection with 1009. None for no limit: then a peer decides how much memory is used,
            unless every message is received with `recv_streaming()`.
        max_fragments: frames that an incoming message may have (131,072) before it is complete or
            `recv_streaming()` has taken them; more fail the connection with 1009. None for no
            limit: then a peer that never ends a message keeps us busy for as long as it likes.
        compression: "deflate" to compress messages (RFC 7692) if the peer supports it; one of the
            presets "memory", "balanced" (the same as "deflate") and "ratio"; a
            `PerMessageDeflate` of your own; or None.
        compression_memory: bytes that compression may hold for all connections of this factory
            together (64 MiB). Beyond that, connections that weren't used lately give theirs back;
            their next message is compressed without reference to those before. None for no limit:
            then each connection holds up to 200 KiB, with the defaults and zlib-ng.
        max_queue: messages that may wait for `recv()` (16); at this number, reading from the
            socket pauses. None for no limit: then a peer can fill the memory.
        write_limit: bytes that may wait to be sent (32 KiB), on top of the transport's buffer,
            before `send()` waits. None to let it never wait: then a peer that doesn't read fills
            the memory.
        ping_interval: seconds between keepalive pings (20). None to send none: then proxies
            close idle connections, and a peer that is gone may stay unnoticed.
        ping_timeout: seconds without a sign of life after a ping (20) until the connection is
            closed with 1011; progress of the peer's reading is such a sign. None to wait for ever.
        open_timeout: seconds until a connection must be open (10). None to wait for ever, which
            lets anybody who connects and sends nothing keep a socket.
        close_timeout: seconds until a connection that is being closed must be gone (10); it is
            then given up, unless its peer has read something since. None to wait for ever. A peer
            that has sent its close frame, and has received all bytes, has a second to end TCP, or
            less if this is less.
        max_line_size: bytes that the first line, and each header line, of the peer's head may have
            (8192). A longer line is answered with 414 or 431, and a client fails to connect.
            Raise it for the cookies and tokens of a single sign-on. A client can take max_headers
            times as much memory for open_timeout, 1 MiB by default, and a server keeps the head
            of the request as long as the connection.
        max_headers: header lines that the head may have (128). A longer head is answered with 431,
            and a client fails to connect. Raising it costs memory as raising max_line_size does.
        share_epoll: True to let connections over TCP wait for their events together (True), where
            the system has epoll. It is faster; False leaves each connection to the reactor.
        debug: True to log every frame, header line and state at level debug. None to do so if the
            environment variable TXWS2_DEBUG is set and not empty.
        log_connections: True to log at level info when a connection is opened, closed or refused
            (False).
        trace: called with the connection, "<" or ">", the `Header` and the payload of each frame
            that is received or sent. If a frame is still arriving, the payload is the part that
            has come; a compressed payload stays compressed. It costs time, as each frame is then
            handled by itself.

    Attributes:
        connections: the protocols that are connected, in any state; they can be iterated over,
            counted and compared like a set.
        compression_budget: the budget of the memory that compression holds.
        clock: the clock of all times. It is the reactor, unless the reactor's time is the
            system's, which may be set; then it is a clock that goes on evenly.
        books: the counts of past connections.
        head_limits: the limits of the head of a request, or of a response.
        opening_deadlines: the deadlines by which connections must be open; None for none.
        closing_deadlines: the deadlines by which connections must be closed; None for none.

    Raises:
        TypeError: there is no such option, or one is of the wrong kind.
        ValueError: a limit is negative, or of a head is 0, a time isn't positive, or there is no
            such preset.
    """

    noisy = False
    log: Logger

    @property
    def protocol(self) -> None:
        """None; other factories of Twisted have the class of their protocols there."""

    @protocol.setter
    def protocol(self, given: object) -> None:
        name = getattr(given, "__qualname__", "Echo").rpartition("<locals>.")[2]
        raise TypeError(
            f"{type(self).__name__}.protocol can't be set: "
            f"{type(self).__name__}(create_protocol={name}) makes such protocols"
        )

    def __init__(
        self,
        *,
        reactor: Any = None,
        max_size: int | None = 2**20,
        max_fragments: int | None = 2**17,
        compression: str | PerMessageDeflate | None = "deflate",
        compression_memory: int | None = 2**26,
        max_queue: int | None = 16,
        write_limit: int | None = 2**15,
        ping_interval: float | None = 20,
        ping_timeout: float | None = 20,
        open_timeout: float | None = 10,
        close_timeout: float | None = 10,
        max_line_size: int = MAX_LINE_SIZE,
        max_headers: int = MAX_HEADERS,
        share_epoll: bool = True,
        debug: bool | None = None,
        log_connections: bool = False,
        trace: FrameHook | None = None,
    ) -> None:
        _check_limits(max_size, max_fragments, max_queue, write_limit)
        check_count("compression_memory", compression_memory, 0)
        _check_head_limits(max_line_size, max_headers)
        _check_times(ping_interval, ping_timeout, open_timeout, close_timeout)
        _check_flags(share_epoll, debug, log_connections)
        if trace is not None:
            check_hook("trace", trace, ["connection", "direction", "header", "payload"])
        if reactor is not None:
            check_reactor(reactor)
        show_errors()
        self.reactor = reactor if reactor is not None else global_reactor()
        self.clock = steady(self.reactor)
        self.max_size = max_size
        self.max_fragments = max_fragments
        self.compression = _options(compression)
        self.compression_budget = CompressionBudget(compression_memory)
        self.max_queue = max_queue
        self.write_limit = write_limit
        self.head_limits = HeadLimits(max_line_size, max_headers)
        self.epoll_sharing = EpollSharing(self) if share_epoll else None
        self.debug = bool(os.environ.get("TXWS2_DEBUG")) if debug is None else debug
        self.log_connections = log_connections
        self.trace = trace
        self._limit_times(open_timeout, close_timeout)
        self.keepalive = (
            None if ping_interval is None else self._timed(Keepalive, ping_interval, ping_timeout)
        )
        self._open_books()

    def _limit_times(self, open_timeout: float | None, close_timeout: float | None) -> None:
        self.open_timeout = open_timeout
        self.close_timeout = close_timeout
        self.opening_deadlines = self._deadlines(open_timeout, "opening_missed")
        self.closing_deadlines = self._deadlines(close_timeout, "closing_missed")

    def _open_books(self) -> None:
        """Begin to count connections; so far, there are none."""
        self.books = Books()
        self._made = self._latest = self.clock.seconds()
        # The time at which each was entered.
        self._connections: dict[P, float] = {}
        self.connections: KeysView[P] = self._connections.keys()

    @cached_property
    def parting_deadlines(self) -> Deadlines[Any]:
        """The deadlines by which TCP must end once both close frames are sent."""
        # Most clients have a factory of their own, and few ever need this.
        seconds = _PATIENCE if self.close_timeout is None else min(self.close_timeout, _PATIENCE)
        return self._timed(_deadlines, seconds, "parting_missed")

    @property
    def counters(self) -> FactoryCounters:
        """The counters of all connections, including those that are closed."""
        standings = (driver.standing() for driver in self.drivers())
        return self.books.counters(standings, self.clock.seconds() - self._made)

    def drivers(self) -> Iterator[Any]:
        """Generate what drives each of the connections."""
        return map(driver_of, self._connections)

    def enter(self, connection: P) -> None:
        """Count a connection among those that are connected."""
        if not self._connections:
            self._begin()
        now = self.clock.seconds()
        # Connections that come in the same millisecond share a float, to save memory.
        if not 0 <= now - self._latest < 0.001:
            self._latest = now
        self._connections[connection] = self._latest

    def _begin(self) -> None:
        """Called before the first connection is entered; for subclasses."""

    def peer_failed(self, driver: Any, cause: Exception) -> None:
        """Called when a connection failed by its peer's fault; for subclasses."""

    def uptime_of(self, connection: P) -> float:
        """Return the seconds since a connection was entered; 0 if it isn't there."""
        now = self.clock.seconds()
        return now - self._connections.get(connection, now)

    def leave(self, connection: P) -> float:
        """Stop counting a connection; return the seconds that it was there."""
        now = self.clock.seconds()
        lasted = now - self._connections.pop(connection, now)
        if not self._connections:
            self._rest()
        return lasted

    def _rest(self) -> None:
        """Called when the last connection has left: no timer stays."""
        for timed in (self.opening_deadlines, self.closing_deadlines, self.keepalive):
            if timed is not None:
                timed.rest()
        if "parting_deadlines" in self.__dict__:
            self.parting_deadlines.rest()

    def _deadlines(self, seconds: float | None, missed: str) -> Deadlines[Any] | None:
        return None if seconds is None else self._timed(_deadlines, seconds, missed)

    def _timed(self, make: Callable[..., T], *arguments: object) -> T:
        """Make an object that has a timer, from the clock and these arguments; for subclasses."""
        return make(self.clock, *arguments)


def _deadlines(clock: IReactorTime, seconds: float, missed: str) -> Deadlines[Any]:
    return Deadlines(clock, seconds, methodcaller(missed))


def _check_limits(
    max_size: int | None,
    max_fragments: int | None,
    max_queue: int | None,
    write_limit: int | None,
) -> None:
    check_count("max_size", max_size, 0)
    check_count("max_fragments", max_fragments, 1)
    check_count("max_queue", max_queue, 1)
    check_count("write_limit", write_limit, 0)


def _check_head_limits(max_line_size: int, max_headers: int) -> None:
    # A head is kept whole, so it must have limits.
    check_count("max_line_size", max_line_size, 1, optional=False)
    check_count("max_headers", max_headers, 1, optional=False)


def _check_times(
    ping_interval: float | None,
    ping_timeout: float | None,
    open_timeout: float | None,
    close_timeout: float | None,
) -> None:
    check_seconds("ping_interval", ping_interval)
    check_seconds("ping_timeout", ping_timeout)
    check_seconds("open_timeout", open_timeout)
    check_seconds("close_timeout", close_timeout)


def _check_flags(share_epoll: bool, debug: bool | None, log_connections: bool) -> None:
    check_flag("share_epoll", share_epoll)
    check_flag("debug", debug, optional=True)
    check_flag("log_connections", log_connections)


def _options(compression: str | PerMessageDeflate | None) -> PerMessageDeflate | None:
    if isinstance(compression, str) and compression in PRESETS:
        return PRESETS[compression]
    if compression is None or isinstance(compression, PerMessageDeflate):
        return compression
    names = ", ".join(map(repr, PRESETS))
    kind = ValueError if isinstance(compression, str) else TypeError
    raise kind(
        f"compression must be {names}, a PerMessageDeflate or None; it is {shown(compression)}"
    )


def global_reactor() -> Any:
    """Return the global reactor.

    Raises:
        RuntimeError: asyncio runs its event loop here, and the reactor doesn't run.
    """
    check_loop()
    # This import installs a reactor, so it must not happen before one is needed.
    from twisted.internet import reactor

    return reactor
