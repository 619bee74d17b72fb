"""A client's connections one after the other, for `async for ws in connect(...)`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Self

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from typing_extensions import TypeVar

from txws2.backoff import Backoff
from txws2.client import WebSocketClientFactory, WebSocketClientProtocol
from txws2.escaping import escaped
from txws2.opening import Opening
from txws2.retrying import ProcessException, retry_after

__all__ = ["Connecting", "connections"]

C = TypeVar("C", bound=WebSocketClientProtocol, default=WebSocketClientProtocol)


class Connecting(Opening[C]):
    """A Deferred of a client's connection.

    `async with` waits for it, and closes it on leaving. `async for` goes on with another one
    whenever it ends.
    """

    _attempt: Callable[[], Deferred[C]]
    _factory: WebSocketClientFactory
    _process_exception: ProcessException
    _backoff: Backoff
    _iterated = False

    @classmethod
    def repeated(
        cls,
        first: Deferred[C],
        attempt: Callable[[], Deferred[C]],
        factory: WebSocketClientFactory,
        process_exception: ProcessException,
        backoff: Backoff,
    ) -> Self:
        """Return one with the result of the first attempt; others are made for each iteration."""
        connecting = cls.of(first)
        connecting._attempt = attempt
        connecting._factory = factory
        connecting._process_exception = process_exception
        connecting._backoff = backoff
        return connecting

    def __aiter__(self) -> AsyncGenerator[C]:
        """Iterate over the connections, each open, and each closed before the next is made.

        Leaving the loop closes the connection; there is nothing to wait for that with then.

        Raises:
            Exception: what process_exception says.
        """
        return connections(self._attempts(), self._factory, self._process_exception, self._backoff)

    def _attempts(self) -> Iterator[Deferred[C]]:
        if not self._iterated:
            self._iterated = True
            yield self
        while True:
            yield self._attempt()


async def connections(
    attempts: Iterator[Deferred[C]],
    factory: WebSocketClientFactory,
    process_exception: ProcessException,
    backoff: Backoff,
) -> AsyncGenerator[C]:
    """Generate connections; after an attempt that fails, wait.

    What waits for the next connection can be cancelled at any time.

    Args:
        attempts: what they come of, without end; the next is asked for when its time has come.
        factory: has the clock and the log.
        process_exception: called with what an attempt has failed with.
        backoff: how long to wait then.

    Raises:
        Exception: what process_exception has returned or raised.
    """
    delays = backoff.delays()
    while True:
        try:
            ws = await next(attempts)
        except CancelledError:
            # Whoever waited doesn't want it any more, whatever process_exception makes of that.
            raise
        except Exception as exc:
            verdict = process_exception(exc)
            if verdict is exc:
                raise
            if verdict is not None:
                raise verdict from exc
            delay = max(next(delays), retry_after(exc, factory.clock.seconds()))
            _log(factory, exc, delay)
            await deferLater(factory.clock, delay)
            continue
        delays = backoff.delays()
        try:
            yield ws
        finally:
            # A generator that is left where it is can't await.
            closing = WebSocketClientProtocol.close(ws)
        await closing


def _log(factory: WebSocketClientFactory, exc: Exception, delay: float) -> None:
    # Not the whole URI: path and query may have what only the server should know.
    uri = factory.uri
    factory.log.info(
        "can't connect to {host}: {reason}; trying again in {delay:.1f} s",
        host=uri.host_header,
        reason=escaped(str(exc)).rstrip(".") or type(exc).__name__,
        delay=delay,
    )
