"""A client's connections one after the other, for `async for ws in connect(...)`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Self

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import deferLater
from typing_extensions import TypeVar

from txws2._connection.closeable import Opening
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

    `async with` waits for it, and closes it on leaving. `async for` goes on with another one
    whenever it ends, unless process_exception has something against that.
    """

    _attempt: Callable[[], Deferred[C]]
    _target: Target
    _process_exception: ProcessException
    _backoff: Backoff
    _iterated = False
    # The mistake in the arguments, if there is one.
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
        """Return one with the result of the first attempt; others are made for each iteration."""
        connecting = cls.of(first)
        connecting._attempt = attempt
        connecting._target = target
        connecting._process_exception = process_exception
        connecting._backoff = backoff
        return connecting

    @classmethod
    def mistaken(cls, mistake: Exception, process_exception: ProcessException) -> Self:
        """Return one that has failed: with these arguments, no attempt can be made."""
        connecting = cls.of(fail(mistake))
        connecting._mistake = mistake
        connecting._process_exception = process_exception
        return connecting

    def __aiter__(self) -> AsyncGenerator[C]:
        """Iterate over the connections, each open, and each closed before the next is made.

        Leaving the loop closes the connection; there is nothing to wait for that with then.

        Raises:
            Exception: what process_exception says; of a mistake in the arguments, that mistake
                where it says None.
        """
        if self._mistake is not None:
            self.addErrback(lambda _: None)  # It is raised by the iteration.
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
    """Generate connections; wait after an attempt that fails, and after one that was thrown out.

    What waits for the next connection can be cancelled at any time.

    Args:
        attempts: what they come of, without end; the next is asked for when its time has come.
        target: has the clock and the log, and knows where they go.
        process_exception: called with what an attempt has failed with, and with how a connection
            ended if it ended in trouble.
        backoff: how long to wait.
        backs_off: called before each wait, with its reason, and with whether that is an attempt
            that has failed.

    Raises:
        Exception: what process_exception has returned or raised.
    """
    clock = target.factory.clock
    pace = Pace(backoff, clock)
    while True:
        try:
            ws = await next(attempts)
        except CancelledError:
            # The connection isn't wanted any more; process_exception has no say in that.
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
        try:
            yield ws
        finally:
            # A generator that is left where it is can't await.
            closing = WebSocketClientProtocol.close(ws)
        await closing
        ending = WebSocketClientProtocol._ending(ws)
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
    """Raise a mistake, or what process_exception has in its place: the next attempt has it, too."""
    raise_unless_retried(process_exception, mistake)
    yield await fail(mistake)


def _log(target: Target, event: str, exc: Exception, delay: float) -> None:
    # Not the whole URI: path and query may have what only the server should know.
    target.factory.log.info(
        "{event} {host}: {reason}; trying again {when}",
        event=event,
        host=target.host,
        reason=escaped(str(exc)).rstrip(".") or type(exc).__name__,
        delay=delay,
        when=f"in {delay:.1f} s" if delay else "at once",
    )
