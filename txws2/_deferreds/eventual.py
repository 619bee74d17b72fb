"""Deferreds that a task of asyncio can wait for.

A coroutine that awaits a Deferred doesn't know who runs it: within a task, another coroutine may be
started that Twisted runs. So it yields an object that is right for both. To Twisted, the object is
a Deferred. To a task, it has all that a task uses of a future: `_asyncio_future_blocking`, which
Python documents with `asyncio.isfuture`, `get_loop`, `add_done_callback` and `cancel`. A task also
calls `result()`, but a Deferred keeps its result in an attribute of that name. So the task gets a
`Wakeup` for that.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.python import threadable
from twisted.python.failure import Failure

from txws2._private_names import UNHANDLED_ERROR, current_loop

__all__ = ["PAGE", "Eventual", "Wakeup", "dismiss", "is_asyncios", "is_foreign"]

T = TypeVar("T")

PAGE = "docs/howto/asyncio.rst"
"""The page that explains how Twisted and asyncio are used together."""

_BY_TWISTED = object()


def is_asyncios(reactor: object) -> bool:
    """Return True if a reactor is asyncio's, which runs on a loop of asyncio."""
    module = sys.modules.get("twisted.internet.asyncioreactor")
    return module is not None and isinstance(reactor, module.AsyncioSelectorReactor)


def is_foreign() -> bool:
    """Return True if this thread runs another loop than the reactor's.

    In a test with connections in memory, there may be no reactor, or none that is running.
    """
    reactor = sys.modules.get("twisted.internet.reactor")
    if not getattr(reactor, "running", False):
        return False
    if threadable.ioThread not in (None, threadable.getThreadID()):
        return True
    # Reactors of other libraries may run on the loop in a way of their own.
    of_twisted = type(reactor).__module__.startswith("twisted.")
    return of_twisted and not is_asyncios(reactor)


class Wakeup:
    """A task waits for this in place of a Deferred.

    The task goes on as soon as the Deferred fires, before anything else can happen, as a coroutine
    does that Twisted runs. If the task could be cancelled in between, a message would be lost. If
    another task is running, or if the task was cancelled, it goes on a turn of the loop later.

    Args:
        deferred: the Deferred.
    """

    __slots__ = (
        "_asyncio_future_blocking",
        "_cancelled",
        "_context",
        "_deferred",
        "_failure",
        "_fired",
        "_loop",
        "_wake",
    )

    def __init__(self, deferred: Deferred[Any]) -> None:
        self._asyncio_future_blocking = True
        self._deferred: Deferred[Any] | None = deferred
        self._fired = False
        self._failure: BaseException | None = None
        # The message that the task was cancelled with, if it was cancelled.
        self._cancelled: tuple[object, ...] | None = None

    # Methods that the task calls.

    def get_loop(self) -> AbstractEventLoop:
        """Return the loop that is running, which is the loop of the task that asks."""
        return asyncio.get_running_loop()

    def add_done_callback(self, wake: Callable[[Wakeup], object], *, context: Context) -> None:
        """Wake the task when the Deferred fires."""
        self._loop = self.get_loop()
        self._wake = wake
        self._context = context
        if is_foreign():
            self._failure = RuntimeError(
                "nothing of txws2 can be awaited on this loop of asyncio: the reactor doesn't run "
                f"on it; see {PAGE}"
            )
            self._wake_soon()
        else:
            assert self._deferred is not None
            self._deferred.addBoth(self._has_fired)

    def cancel(self, msg: object = None) -> bool:
        """Cancel the Deferred; return True if the task will get a CancelledError."""
        deferred = self._deferred
        if deferred is None:
            return False
        self._cancelled = () if msg is None else (msg,)
        if not self._fired:
            deferred.cancel()
        elif self._failure is None:
            deferred.addCallback(self._withdraw)
        return True

    def result(self) -> None:
        """Raise the exception for the task, if there is one.

        The task finds the result itself in the Deferred.
        """
        self._deferred = None
        if self._cancelled is not None:
            raise asyncio.CancelledError(*self._cancelled) from self._failure
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    # Methods that the Deferred calls.

    def _has_fired(self, result: Any) -> Any:
        self._fired = True
        if isinstance(result, Failure):
            self._failure = result.value
            result = None
        elif self._cancelled is not None:
            self._withdraw(result)
            result = None
        if self._cancelled is not None or self._is_busy():
            self._wake_soon()
            # The task looks for the result later.
            return result
        try:
            self._context.run(self._wake, self)
        except (KeyboardInterrupt, SystemExit) as exc:
            # The loop must end, as if it had run the task itself.
            self._loop.call_soon(_raise, exc)
        return None

    def _is_busy(self) -> bool:
        """Return True if the task can't run now: another task runs, or the loop doesn't."""
        return current_loop() is not self._loop or asyncio.current_task(self._loop) is not None

    def _wake_soon(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon(self._wake, self, context=self._context)

    def _withdraw(self, result: Any) -> None:
        if isinstance(self._deferred, Eventual):
            self._deferred.withdraw(result)


class Eventual(Deferred[T]):
    """A Deferred that a task of asyncio can await, too."""

    # As long as this is None, asyncio takes the Deferred for an awaitable, not for a future.
    _asyncio_future_blocking: bool | None = None
    # Set while a task waits.
    _wakeup: Wakeup | None = None

    def __await__(self) -> Generator[Any, None, T]:
        while not self.called or self.paused:
            self._asyncio_future_blocking = True
            yield self
        result = self.result
        if isinstance(result, Failure):
            dismiss(self, result)
            result.raiseException()
        return cast(T, result)

    __iter__ = __await__

    def get_loop(self) -> AbstractEventLoop:
        """Return the loop that is running, for a task."""
        return Wakeup(self).get_loop()

    def add_done_callback(self, wake: Callable[[Wakeup], object], *, context: Context) -> None:
        """Wake a task when this fires."""
        self._asyncio_future_blocking = None
        self._wakeup = Wakeup(self)
        self._wakeup.add_done_callback(wake, context=context)

    def cancel(self, msg: object = _BY_TWISTED) -> bool:  # type: ignore[override]
        """Cancel this Deferred.

        Args:
            msg: given by a task that waits for this, and was cancelled itself.

        Returns:
            True if the task will get a CancelledError.
        """
        if msg is not _BY_TWISTED and self._wakeup is not None:
            return self._wakeup.cancel(msg)
        super().cancel()
        return True

    def withdraw(self, result: T) -> None:
        """Take back a result that nobody will see, because the task that waited was cancelled."""


def _dismiss(deferred: Deferred[Any], failure: Failure) -> None:
    """Keep a failure from being reported as an "Unhandled error in Deferred".

    A witness that the Deferred keeps for the garbage collector reports it. There is no public way
    to dismiss the witness that would leave the failure to a later errback.
    """
    witness = deferred._debugInfo
    if witness is not None and witness.failResult is failure:
        witness.failResult = None


def _find_and_dismiss(deferred: Deferred[Any], failure: Failure) -> None:
    for witness in vars(deferred).values():
        for name, kept in list(getattr(witness, "__dict__", {}).items()):
            if kept is failure:
                setattr(witness, name, None)


dismiss = _dismiss if UNHANDLED_ERROR.are_in(Deferred) else _find_and_dismiss


def _raise(exception: BaseException) -> None:
    raise exception
