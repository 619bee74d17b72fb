"""The connections of a client, one after the other, for `async for ws in connect(...)`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Self

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import deferLater
from typing_extensions import TypeVar

from txws2._connection.closeable import Opening
from txws2._connection.handle import driver_of
from txws2._connection.in_loops import enter_loop, leave_loop
from txws2._deferreds.waiters import forward_quietly
from txws2._time.backoff import Backoff, Pace
from txws2.client.protocol import WebSocketClientProtocol
from txws2.client.retry_policy import (
    ProcessException,
    ended_in_trouble,
    raise_unless_retried,
    retry_after,
)
from txws2.client.target import Target
from txws2.exceptions import ConnectionClosed
from txws2.wire.escaping import escaped

__all__ = ["Connecting", "connections"]

C = TypeVar("C", bound=WebSocketClientProtocol, default=WebSocketClientProtocol)


class Connecting(Opening[C]):
    """A Deferred of a client's connection.

    `async with` waits for the connection, and closes it when the block ends. `async for` makes
    another connection whenever one has ended, unless process_exception returns an exception.
    """

    _attempt: Callable[[], Deferred[C]]
    _target: Target
    _process_exception: ProcessException
    _backoff: Backoff
    _iterated = False
    # A mistake in the arguments.
    _mistake: Exception | None = None

    @classmethod
    def repeated(
        cls,
        first: Deferred[C],
        attempt: Callable[[], Deferred[C]],
        target: Target,
        process_exception: ProcessException,
        backoff: Backoff,
    ) -> Self:
        """Return a Connecting with the result of the first attempt; iteration makes the others."""
        # One more Deferred between two takes as long as the parsing of a URI.
        connecting = first if isinstance(first, cls) else cls.of(first)
        connecting._attempt = attempt
        connecting._target = target
        connecting._process_exception = process_exception
        connecting._backoff = backoff
        return connecting

    @classmethod
    def mistaken(cls, mistake: Exception, process_exception: ProcessException) -> Self:
        """Return a Connecting that has failed, because of a mistake in its arguments."""
        connecting = cls.of(fail(mistake))
        connecting._mistake = mistake
        connecting._process_exception = process_exception
        return connecting

    def __aiter__(self) -> AsyncGenerator[C]:
        """Iterate over open connections; each is closed before the next one is made.

        Leaving the loop closes the connection, but doesn't wait until it is closed.

        Raises:
            Exception: process_exception has returned or raised it. A mistake in the arguments is
                raised even if process_exception returns None.
        """
        if self._mistake is not None:
            self.addErrback(lambda _: None)  # The iteration raises it.
            return _no_connections(self._mistake, self._process_exception)
        return connections(self._attempts(), self._target, self._process_exception, self._backoff)

    def _attempts(self) -> Iterator[Deferred[C]]:
        if not self._iterated:
            self._iterated = True
            yield self
        while True:
            yield self._attempt()


async def connections(
    attempts: Iterator[Deferred[C]],
    target: Target,
    process_exception: ProcessException,
    backoff: Backoff,
    backs_off: Callable[[Exception, bool], object] | None = None,
) -> AsyncGenerator[C]:
    """Generate connections, with waits between them.

    There is a wait after a failed attempt, after a connection that soon ended, and after one that
    `ended_in_trouble`.

    The wait for the next connection can be cancelled at any time.

    Args:
        attempts: the attempts, without end; the next one is taken when its time has come.
        target: has the host, the clock and the log.
        process_exception: called with the exception of each failed attempt, and with the
            ConnectionClosed of a connection in trouble.
        backoff: the waits.
        backs_off: called before each wait with its reason, and with True if the reason is a failed
            attempt.

    Raises:
        Exception: process_exception has returned or raised it.
    """
    clock = target.factory.clock
    pace = Pace(backoff, clock)
    while True:
        try:
            ws = await next(attempts)
        except CancelledError:
            # The application has cancelled the attempt, so process_exception isn't asked.
            raise
        except Exception as exc:
            raise_unless_retried(process_exception, exc)
            delay = max(pace.failed(), retry_after(exc, target.factory.reactor.seconds()))
            _log(target, "can't connect to", exc, delay)
            if backs_off is not None:
                backs_off(exc, True)
            await forward_quietly(deferLater(clock, delay))
            continue
        pace.opened()
        enter_loop(ws)
        try:
            yield ws
        finally:
            # A generator that is closed here can't await.
            closing = leave_loop(ws)
        await closing
        ending = driver_of(ws).ended_with()
        assert isinstance(ending, ConnectionClosed)
        in_trouble = ended_in_trouble(ending)
        if in_trouble:
            raise_unless_retried(process_exception, ending)
        delay = pace.ended(in_trouble)
        _log(target, "disconnected from", ending, delay)
        if delay:
            if backs_off is not None:
                backs_off(ending, False)
            await forward_quietly(deferLater(clock, delay))


async def _no_connections(
    mistake: Exception, process_exception: ProcessException
) -> AsyncGenerator[C]:
    """Raise a mistake, or the exception of process_exception: no attempt could succeed."""
    raise_unless_retried(process_exception, mistake, mistaken=True)
    yield await fail(mistake)


def _log(target: Target, event: str, exc: Exception, delay: float) -> None:
    # The log doesn't get the whole URI: its path and query may be secret.
    target.factory.log.info(
        "{event} {host}: {reason}; trying again {when}",
        event=event,
        host=target.host,
        reason=escaped(str(exc)).rstrip(".") or type(exc).__name__,
        delay=delay,
        when=f"in {delay:.1f} s" if delay else "at once",
    )
