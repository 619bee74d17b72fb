"""Whose code is running: that of a handler, or of the hooks that decide on a request."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from txws2._deferreds.tasks import running_loop, runs_task

__all__ = ["Call", "current_call"]

T = TypeVar("T")


class Call:
    """An application's code that runs for a connection, and may wait.

    Twisted copies the context for each coroutine, so that everything in it knows its Call. One
    that outlives its call, as a task that it has started, keeps no connection in memory.

    Args:
        connection: the connection; None once the call is over.

    Attributes:
        connection: as above.
        running: fires when it is over; None until it first waits, and once it is over.
    """

    __slots__ = ("connection", "running")

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.running: Deferred[Any] | None = None

    def start(self, function: Callable[..., Deferred[Any]], *arguments: Any) -> Deferred[Any]:
        """Call a function, and return its Deferred, which fires when this call is over."""
        self.running = self.run(function, *arguments)
        return self.running

    def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function that is a part of this call, and return its result."""
        global _innermost
        token, outer = _call.set(self), _innermost
        _innermost = self
        try:
            return function(*arguments)
        finally:
            _innermost = outer
            _call.reset(token)

    def over(self, result: Any) -> Any:
        """Let go of what it has run for; return the result."""
        self.connection = self.running = None
        return result


_call: ContextVar[Call | None] = ContextVar("txws2_call", default=None)

# The call whose `run` is the last that has not returned.
_innermost: Call | None = None


def current_call() -> Call | None:
    """Return the call that is running this; None if none is.

    On a loop of asyncio, the context alone doesn't tell. The loop calls everything in the context
    of whoever asked for it, and the reactor has one timer for all delayed calls: a reactor that
    stops may do so in the context of some handler.
    """
    call = _call.get()
    if call is None or call is _innermost or running_loop() is None or runs_task():
        return call
    return None
