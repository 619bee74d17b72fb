"""Deferreds that are settled exactly once, and quietly when nobody looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txws2._deferreds.eventual import Eventual, dismiss
from txws2.exceptions import ConnectionClosed

__all__ = ["NOBODY", "Waiters", "fail_quietly", "forward_quietly", "waitable"]

T = TypeVar("T")


def fail_quietly(deferred: Deferred[T], exception: Exception) -> None:
    """Fail a Deferred without "Unhandled error in Deferred" if it has no errback.

    That a connection closed isn't news to somebody who sent a ping and never looked for its
    pong. Who looks, even later, gets the failure; what errbacks raise is reported as always.
    """
    failure = Failure(exception)
    deferred.errback(failure)
    dismiss(deferred, failure)


def forward_quietly(source: Deferred[T]) -> Deferred[T]:
    """Return a Deferred with this one's result that fails quietly if the connection closes."""

    def failed(failure: Failure) -> None:
        if isinstance(failure.value, ConnectionClosed):
            fail_quietly(result, failure.value)
        else:
            result.errback(failure)

    result: Deferred[T] = Eventual(lambda _: source.cancel())
    source.addCallbacks(result.callback, failed)
    return result


class Waiters(Generic[T]):
    """Those who wait for one thing to happen. Each may cancel on its own."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[Deferred[T]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self) -> Deferred[T]:
        """Return a Deferred for what is to happen."""
        deferred: Deferred[T] = Eventual(self._waiting.remove)
        self._waiting.append(deferred)
        return deferred

    def fire_one(self, result: T) -> None:
        """Give the result to the one that has waited longest."""
        self._waiting.pop(0).callback(result)

    def fire(self, result: T) -> None:
        """Give the result to all of them."""
        while self._waiting:
            self.fire_one(result)

    def fail(self, ending: Callable[[], Exception]) -> None:
        """Fail all of them, with the exception that this makes; it isn't called for none."""
        if self._waiting:
            exception = ending()
            while self._waiting:
                fail_quietly(self._waiting.pop(0), exception)


NOBODY: Waiters[Any] = Waiters()
"""What stands for Waiters until the first of them waits: mostly nobody does."""


def waitable(waiters: Waiters[T]) -> Waiters[T]:
    """Return these Waiters, or new ones in place of NOBODY."""
    return Waiters() if waiters is NOBODY else waiters
