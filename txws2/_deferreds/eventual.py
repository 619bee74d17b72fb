"""How a task of asyncio waits for a Deferred, and is woken when that fires.

Nobody knows who runs a coroutine that awaits a Deferred: within a task, one that Twisted runs may
be started. So what it yields is right for both. It is a Deferred to Twisted; and to a task, it has
what a task asks of a future, which isn't much: `_asyncio_future_blocking`, `get_loop`,
`add_done_callback` and `cancel`. A task calls back with an object that has `result()`, which a
Deferred can't be, as that is an attribute of its own.
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
"""Where it is told how both are used together."""

_BY_TWISTED = object()


def is_asyncios(reactor: object) -> bool:
    """Tell whether a reactor runs on a loop of asyncio."""
    module = sys.modules.get("twisted.internet.asyncioreactor")
    return module is not None and isinstance(reactor, module.AsyncioSelectorReactor)


def is_foreign() -> bool:
    """Tell whether the loop that runs in this thread is another than the reactor runs on.

    No reactor may be there, or be running, where a test drives connections in memory.
    """
    reactor = sys.modules.get("twisted.internet.reactor")
    if not getattr(reactor, "running", False):
        return False
    if threadable.ioThread not in (None, threadable.getThreadID()):
        return True
    # Those of others may be on the loop in a way of their own.
    of_twisted = type(reactor).__module__.startswith("twisted.")
    return of_twisted and not is_asyncios(reactor)


class Wakeup:
    """What a task waits for in place of a Deferred.

    The task runs on as soon as the Deferred fires, before anything else can happen, as what
    Twisted runs does: where it was cancelled in between, a message would be lost. While another
    task is running, and where it is cancelled itself, that is a turn of the loop later.

    Args:
        deferred: what to wait for.
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
        # Why the task was cancelled, if it was.
        self._cancelled: tuple[object, ...] | None = None

    # What the task calls.

    def get_loop(self) -> AbstractEventLoop:
        """Return the loop that is running: it is that of the task that asks."""
        return asyncio.get_running_loop()

    def add_done_callback(self, wake: Callable[[Wakeup], object], *, context: Context) -> None:
        """Have the task woken when the Deferred fires."""
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
        """Cancel the Deferred; tell whether the task will be told that it was cancelled."""
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
        """Raise what the task is to be told, if it is not to go on.

        The result is where it looks for it: in the Deferred.
        """
        self._deferred = None
        if self._cancelled is not None:
            raise asyncio.CancelledError(*self._cancelled) from self._failure
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    # What the Deferred calls.

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
            # Whoever awaits it looks for it later.
            return result
        try:
            self._context.run(self._wake, self)
        except (KeyboardInterrupt, SystemExit) as exc:
            # The loop is to end, as where it runs the task itself.
            self._loop.call_soon(_raise, exc)
        return None

    def _is_busy(self) -> bool:
        """Tell whether the task can't run now: another does, or the loop itself doesn't."""
        return current_loop() is not self._loop or asyncio.current_task(self._loop) is not None

    def _wake_soon(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon(self._wake, self, context=self._context)

    def _withdraw(self, result: Any) -> None:
        if isinstance(self._deferred, Eventual):
            self._deferred.withdraw(result)


class Eventual(Deferred[T]):
    """A Deferred that a task of asyncio can await, too."""

    # As long as it is None, asyncio takes this for no future, but for what can be awaited.
    _asyncio_future_blocking: bool | None = None
    # While a task waits.
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
        """Have a task woken."""
        self._asyncio_future_blocking = None
        self._wakeup = Wakeup(self)
        self._wakeup.add_done_callback(wake, context=context)

    def cancel(self, msg: object = _BY_TWISTED) -> bool:  # type: ignore[override]
        """Cancel it.

        Args:
            msg: given by a task that waits for this, and was cancelled itself.

        Returns:
            Whether the task will be told so.
        """
        if msg is not _BY_TWISTED and self._wakeup is not None:
            return self._wakeup.cancel(msg)
        super().cancel()
        return True

    def withdraw(self, result: T) -> None:
        """Take back a result that nobody will see: the task was cancelled that waited for it."""


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
