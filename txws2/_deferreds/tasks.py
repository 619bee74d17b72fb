"""An application's coroutines; on asyncio's reactor, they are tasks of asyncio."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Coroutine, Generator
from types import coroutine as awaitable_generator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txws2._deferreds.eventual import Eventual, Wakeup, is_asyncios, is_foreign
from txws2._private_names import current_loop

__all__ = ["loop_runs", "running_loop", "runs_task", "started"]

_running: set[Any] = set()


def running_loop() -> AbstractEventLoop | None:
    """Return the asyncio loop that is running; None on any other reactor."""
    loop = current_loop()
    return None if loop is None or is_foreign() else loop


def runs_task() -> bool:
    """Return True if a task of the running loop calls this."""
    return asyncio.current_task() is not None


def loop_runs(reactor: Any) -> Deferred[None]:
    """Return a Deferred that fires when coroutines can use the reactor's loop.

    It has fired already, unless asyncio's reactor is about to start: that reactor calls the
    functions of `callWhenRunning` before its loop runs.
    """
    runs: Deferred[None] = Deferred()
    if is_asyncios(reactor) and running_loop() is None:
        reactor.callWhenRunning(reactor.callLater, 0, runs.callback, None)
    else:
        runs.callback(None)
    return runs


def started(coroutine: Coroutine[Any, Any, Any]) -> Deferred[Any]:
    """Start a coroutine of an application, and return a Deferred of its result.

    On asyncio's reactor, the coroutine becomes a task, and may still await Deferreds. If the task
    is cancelled, the Deferred fails with Twisted's CancelledError.
    """
    loop = running_loop()
    if loop is None:
        return Deferred.fromCoroutine(coroutine)
    task = loop.create_task(_run(coroutine))
    # asyncio refers to a task only weakly, and perhaps nothing else refers to this one.
    _running.add(task)
    task.add_done_callback(_running.discard)
    # If the task is cancelled before it has begun, the coroutine must still be closed.
    task.add_done_callback(lambda _: coroutine.close())
    return Eventual.fromFuture(task).addErrback(_as_twisted_has_it)


async def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await _bridged(coroutine)
    except (KeyboardInterrupt, SystemExit):
        # If the task raised these, they would end the loop, and with it all connections.
        return Failure()


@awaitable_generator
def _bridged(coroutine: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Run a coroutine; where it awaits a Deferred, yield a future that a task can wait for."""
    exception: BaseException | None = None
    while True:
        try:
            awaited = coroutine.send(None) if exception is None else coroutine.throw(exception)
        except StopIteration as end:
            return end.value
        finally:
            exception = None
        if isinstance(awaited, Deferred) and not isinstance(awaited, Eventual):
            awaited = Wakeup(awaited)
        try:
            yield awaited
        except BaseException as exc:
            exception = exc


def _as_twisted_has_it(failure: Failure) -> Failure:
    cancelled = failure.value
    if not isinstance(cancelled, asyncio.CancelledError):
        return failure
    return Failure(CancelledError(*cancelled.args).with_traceback(cancelled.__traceback__))
