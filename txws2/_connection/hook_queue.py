"""The queue of hooks that wait while an asynchronous hook of the connection is running."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from txws2._connection.read_pause import MESSAGE_OVERHEAD
from txws2._deferreds.waiters import NOBODY, Waiters, waitable

__all__ = ["Call", "Succession"]

Call = tuple[Callable[..., object], tuple[Any, ...]]
"""A hook, and its arguments."""


class Succession:
    """Keeps the hooks of a connection in order while one of them isn't done.

    Args:
        ready: called when that hook is done.

    Attributes:
        calling: True while the waiting hooks are being called, one after the other.
    """

    __slots__ = ("_last", "_most", "_ready", "_running", "_waiters", "_waiting", "calling")

    def __init__(self, ready: Callable[[], None]) -> None:
        self._ready = ready
        self.calling = False
        # There is more than one only if the connection has ended within a hook.
        self._running: list[Deferred[Any]] = []
        self._waiting: deque[Call] = deque()
        self._last: Call | None = None
        # The largest number of waiting hooks; None for no limit.
        self._most: int | None = None
        self._waiters: Waiters[None] = NOBODY

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def size(self) -> int:
        """Bytes of the messages and payloads that wait, with the overhead of each."""
        return sum(len(arguments[0]) + MESSAGE_OVERHEAD for _, arguments in self._waiting)

    @property
    def has_dropped(self) -> bool:
        """True if there was no room for a hook; then no hook is added any more."""
        return self._most == 0

    @property
    def idle(self) -> bool:
        """True if no hook is running or waiting."""
        return not (self._running or self._waiting or self._last)

    def follow(self, running: Deferred[Any]) -> None:
        """Let all hooks wait for a hook that has returned this Deferred."""
        self._running.append(running)
        running.addBoth(self._done, running)

    def add(self, hook: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        """Add a hook, if there is room."""
        if self._most is None or len(self._waiting) < self._most:
            self._waiting.append((hook, arguments))
        else:
            # The application must not miss a message and get a later one.
            self._most = 0

    def add_last(self, hook: Callable[..., object], *arguments: Any) -> None:
        """Set the hook that comes after all others, and is never dropped."""
        self._last = hook, arguments

    def take(self) -> Call | None:
        """Remove and return the next hook; None while one is running, or if none waits."""
        if self._running:
            return None
        if self._waiting:
            return self._waiting.popleft()
        last, self._last = self._last, None
        return last

    def limit(self, most: int | None) -> None:
        """Limit the number of waiting hooks, not counting the last; None for no limit."""
        if self._most is None:
            self._most = most

    def clear(self) -> None:
        """Drop the waiting hooks except the last."""
        self._waiting.clear()

    def cancel(self) -> None:
        """Cancel the running hook, and drop the waiting hooks except the last."""
        self.clear()
        for running in list(self._running):
            running.cancel()

    def wait(self) -> Deferred[None]:
        """Return a Deferred that fires when all hooks are done."""
        self._waiters = waitable(self._waiters)
        return self._waiters.wait()

    def end(self) -> None:
        """Fire the Deferreds of `wait`: all hooks are done."""
        self._waiters.fire(None)

    def _done(self, result: Any, running: Deferred[Any]) -> Any:
        self._running.remove(running)
        if not self._running:
            self._ready()
        return result
