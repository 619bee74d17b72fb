"""The current call: the handler, or the hooks of a request, whose code is running."""

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

    Twisted copies the context for each coroutine, so that all code in it finds its Call. A
    context may outlive its call, for instance the context of a task that the call has started. So
    a call that is over lets go of its connection.

    Args:
        connection: the connection.

    Attributes:
        connection: the connection; None once the call is over.
        running: fires when the call is over; None until it first waits, and once it is over.
    """

    __slots__ = ("connection", "running")

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.running: Deferred[Any] | None = None

    def start(self, function: Callable[..., Deferred[Any]], *arguments: Any) -> Deferred[Any]:
        """Call a function whose Deferred fires when this call is over; return the Deferred."""
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
        """Let go of the connection and the Deferred; return the result."""
        self.connection = self.running = None
        return result


_call: ContextVar[Call | None] = ContextVar("txws2_call", default=None)

# The call whose `run` began last, of those that have not returned.
_innermost: Call | None = None


def current_call() -> Call | None:
    """Return the call whose code is running; None if there is none.

    On asyncio's reactor, the context isn't enough. asyncio runs each callback in the context
    in which it was scheduled, and the reactor has one timer for all delayed calls. So a reactor
    may, for instance, stop in the context of some handler.
    """
    call = _call.get()
    if call is None or call is _innermost or running_loop() is None or runs_task():
        return call
    return None
