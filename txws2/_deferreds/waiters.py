"""Deferreds that fire exactly once, and fail quietly if nobody looks."""

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

    An application that sent a ping, and never looked for the pong, needn't be told that the
    connection is closed. If it looks later, it gets the failure. Exceptions that an errback raises
    are reported as always.
    """
    failure = Failure(exception)
    deferred.errback(failure)
    dismiss(deferred, failure)


def forward_quietly(source: Deferred[T]) -> Deferred[T]:
    """Return a Deferred of the same result that fails quietly if the connection closes."""

    def failed(failure: Failure) -> None:
        if isinstance(failure.value, ConnectionClosed):
            fail_quietly(result, failure.value)
        else:
            result.errback(failure)

    result: Deferred[T] = Eventual(lambda _: source.cancel())
    source.addCallbacks(result.callback, failed)
    return result


class Waiters(Generic[T]):
    """Deferreds of the same event. Each may be cancelled on its own."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[Deferred[T]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self) -> Deferred[T]:
        """Return a Deferred of the event."""
        deferred: Deferred[T] = Eventual(self._waiting.remove)
        self._waiting.append(deferred)
        return deferred

    def fire_one(self, result: T) -> None:
        """Give the result to the Deferred that has waited longest."""
        self._waiting.pop(0).callback(result)

    def fire(self, result: T) -> None:
        """Give the result to all Deferreds."""
        while self._waiting:
            self.fire_one(result)

    def fail(self, ending: Callable[[], Exception]) -> None:
        """Fail all Deferreds.

        Args:
            ending: makes the exception. If there is no Deferred, it isn't called.
        """
        if self._waiting:
            exception = ending()
            while self._waiting:
                fail_quietly(self._waiting.pop(0), exception)


NOBODY: Waiters[Any] = Waiters()
"""Stands for Waiters until somebody waits, which mostly nobody does."""


def waitable(waiters: Waiters[T]) -> Waiters[T]:
    """Return the given Waiters, or new ones in place of NOBODY."""
    return Waiters() if waiters is NOBODY else waiters
