"""Whose code is running: that of a handler, or of the hooks that decide on a request."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

__all__ = ["Call", "current_call"]

_T = TypeVar("_T")


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

    def run(self, function: Callable[..., _T], *arguments: Any) -> _T:
        """Call a function so that what it starts knows of this."""
        token = _call.set(self)
        try:
            return function(*arguments)
        finally:
            _call.reset(token)

    def start(self, function: Callable[..., Deferred[Any]], *arguments: Any) -> Deferred[Any]:
        """Call a function, and return its Deferred."""
        self.running = self.run(function, *arguments)
        return self.running

    def over(self, result: Any) -> Any:
        """Let go of what it has run for; return the result."""
        self.connection = self.running = None
        return result


_call: ContextVar[Call | None] = ContextVar("txws2_call", default=None)


def current_call() -> Call | None:
    """Return the call that is running this; None if none is."""
    return _call.get()
