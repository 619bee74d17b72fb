"""`cancelled_on_close`: handlers that are cancelled when their connection is closed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from functools import partial, wraps
from inspect import isgeneratorfunction, unwrap
from types import CoroutineType
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txws2._connection.handle import driver_of
from txws2._connection.phases import SETTLED
from txws2._connection.protocol import WebSocketProtocol
from txws2._deferreds.callables import check_function, name_of, to_await
from txws2._deferreds.causes import causes_of
from txws2._deferreds.waiters import forward_quietly
from txws2.server.hooks import hooks_of

__all__ = ["cancelled_on_close"]

P = ParamSpec("P")
T = TypeVar("T")


def cancelled_on_close(
    handler: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Deferred[T | None]]:
    """Return a handler that is cancelled when its connection is closed.

    When the connection ends, a coroutine that waits for a message goes on: its loop ends, or it
    gets an exception. A coroutine that waits for a queue, a timer or a database doesn't notice the
    end. With this decorator, it gets a `CancelledError` where it waits, as soon as the connection
    is closed by either side, or lost. Its ``finally`` runs, and nothing is logged.

    The coroutine learns of the end once. It isn't cancelled if `recv`, `send`, `close` or the
    like has resumed it already, nor again if it catches the CancelledError and goes on. So it may
    take its time to clean up, until the server stops.

    Args:
        handler: a coroutine function that is called with a connection among its arguments: a
            function, a method, a `functools.partial`, or a result of `guarded` or `route`; also
            a hook of a protocol class.

    Returns:
        A function with the same arguments, which returns a Deferred of the result. The result is
        None if the coroutine was cancelled by this.

    Raises:
        TypeError: the handler isn't a coroutine function. The returned function raises it if
            there is no connection among its arguments, or the handler returns no coroutine.
    """
    _check(handler)

    @wraps(handler)
    def run(*args: P.args, **kwargs: P.kwargs) -> Deferred[T | None]:
        connection = _connection_among(args, kwargs, handler)
        coroutine = handler(*args, **kwargs)
        if not isinstance(coroutine, CoroutineType):
            raise TypeError(
                "cancelled_on_close takes a coroutine function, without another decorator; "
                f"{name_of(handler)}() has returned {coroutine!r}"
            )
        return _Run(coroutine, connection).start()

    for hook in hooks_of(handler):
        # The handler's own hook still refuses requests.
        run.process_request = hook  # type: ignore[attr-defined]
    return run


def _check(handler: Callable[..., object]) -> None:
    check_function("the handler of cancelled_on_close", handler)
    function: Any = handler
    while isinstance(function, partial):
        function = function.func
    if isgeneratorfunction(unwrap(function)):
        raise TypeError(
            f"cancelled_on_close takes a coroutine function; {name_of(handler)}() is a generator "
            "function: write `async def` and `await` in place of inlineCallbacks and yield"
        )


def _connection_among(
    args: tuple[Any, ...], kwargs: dict[str, Any], handler: Callable[..., object]
) -> WebSocketProtocol:
    for argument in (*args, *kwargs.values()):
        if isinstance(argument, WebSocketProtocol):
            return argument
    raise TypeError(
        f"{name_of(handler)}() was called without a connection: a function under "
        "cancelled_on_close must be called with one"
    )


class _Run:
    """A coroutine that runs for a connection.

    It stands between the coroutine and its driver (a Deferred or a task), to see each step.
    """

    def __init__(
        self, coroutine: CoroutineType[Any, Any, Any], connection: WebSocketProtocol
    ) -> None:
        self._coroutine = coroutine
        self._connection = connection
        # True while the coroutine makes a step.
        self._busy = False
        # True if the coroutine has made a step since the end: it was woken by something that knew
        # of the end.
        self._woken = False
        self._cancelled = False

    def start(self) -> Deferred[Any]:
        """Start the coroutine; return a Deferred of its result."""
        running = to_await(self._all())
        assert running is not None
        # If the connection ended before or in the first step, nothing has told the coroutine.
        self._woken = False
        ended = driver_of(self._connection).wait_told()
        ended.addCallbacks(self._ended, _forget, (running,))
        # If nobody looks at this Deferred, the end of the connection isn't logged as an error.
        return forward_quietly(running.addBoth(self._done, ended))

    async def _all(self) -> Any:
        return await self

    def _ended(self, _: None, running: Deferred[Any]) -> None:
        if self._busy:
            # The coroutine itself ends the connection in this step, and may wait for something
            # else afterwards.
            self._connection.factory.clock.callLater(0, self._cancel, running)
        elif not self._woken:
            self._cancel(running)

    def _cancel(self, running: Deferred[Any]) -> None:
        self._cancelled = True
        running.cancel()

    def _done(self, result: Any, ended: Deferred[None]) -> Any:
        ended.cancel()
        if self._cancelled and isinstance(result, Failure):
            assert result.value is not None
            if all(isinstance(each, CancelledError) for each in causes_of(result.value)):
                return None
        return result

    # `await` calls the following methods.

    def __await__(self) -> Generator[Any, Any, Any]:
        return self  # type: ignore[return-value]

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any) -> Any:
        """Resume the coroutine with this result."""
        return self._step(self._coroutine.send, value)

    def throw(self, *exception: Any) -> Any:
        """Resume the coroutine with this exception."""
        return self._step(self._coroutine.throw, *exception)

    def close(self) -> None:
        """Close the coroutine."""
        self._coroutine.close()

    def _step(self, go: Callable[..., Any], *arguments: Any) -> Any:
        self._woken, self._busy = driver_of(self._connection).phase >= SETTLED, True
        try:
            return go(*arguments)
        finally:
            self._busy = False


def _forget(_: Failure) -> None:
    """Ignore that the wait for the end was cancelled."""
