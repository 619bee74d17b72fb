"""An application's coroutines, which are tasks of asyncio where its loop runs."""

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
    """Return the loop of asyncio that this is called on; None on any other reactor."""
    loop = current_loop()
    return None if loop is None or is_foreign() else loop


def runs_task() -> bool:
    """Tell whether a task of the loop that is running calls this."""
    return asyncio.current_task() is not None


def loop_runs(reactor: Any) -> Deferred[None]:
    """Return a Deferred that fires when coroutines that are started can use the reactor's loop.

    That is at once, but where the reactor is asyncio's and is about to begin: it calls what is to
    be called when it runs before the loop does.
    """
    runs: Deferred[None] = Deferred()
    if is_asyncios(reactor) and running_loop() is None:
        reactor.callWhenRunning(reactor.callLater, 0, runs.callback, None)
    else:
        runs.callback(None)
    return runs


def started(coroutine: Coroutine[Any, Any, Any]) -> Deferred[Any]:
    """Start a coroutine of an application, and return a Deferred of its result.

    Where a loop of asyncio is running, it is a task of that, and may await Deferreds
    nevertheless. If that is cancelled, the Deferred fails with Twisted's CancelledError.
    """
    loop = running_loop()
    if loop is None:
        return Deferred.fromCoroutine(coroutine)
    task = loop.create_task(_run(coroutine))
    # asyncio itself keeps no task in memory, and what this one waits for may refer to nothing else.
    _running.add(task)
    task.add_done_callback(_running.discard)
    # It may be cancelled before it has begun.
    task.add_done_callback(lambda _: coroutine.close())
    return Eventual.fromFuture(task).addErrback(_as_twisted_has_it)


async def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await _bridged(coroutine)
    except (KeyboardInterrupt, SystemExit):
        # It isn't to end the loop: one connection's code is nothing that others are to die of.
        return Failure()


@awaitable_generator
def _bridged(coroutine: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Run a coroutine, with something that a task can wait for in place of each Deferred."""
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
