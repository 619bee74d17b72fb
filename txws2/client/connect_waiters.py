"""The Deferreds of `whenConnected`, which wait for a connection."""

from __future__ import annotations

from typing import Generic, TypeVar

from twisted.internet.defer import Deferred

from txws2._deferreds.eventual import Eventual
from txws2._deferreds.waiters import fail_quietly
from txws2.client.protocol import WebSocketClientProtocol

__all__ = ["ConnectWaiters"]

C = TypeVar("C", bound=WebSocketClientProtocol)


class ConnectWaiters(Generic[C]):
    """Deferreds that wait for a connection; each can be cancelled on its own."""

    def __init__(self) -> None:
        # The value is the number of attempts that may fail; None for any number.
        self._waiting: dict[Deferred[C], int | None] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def wait(self, failures: int | None) -> Deferred[C]:
        """Return a Deferred of the next connection.

        Args:
            failures: the Deferred fails with the last of this many failed attempts; None to wait
                as long as it takes.
        """
        waiting: Deferred[C] = Eventual(self._forget)
        self._waiting[waiting] = failures
        return waiting

    def fire_one(self, ws: C) -> None:
        """Fire the Deferred that has waited longest."""
        waiting = next(iter(self._waiting))
        del self._waiting[waiting]
        waiting.callback(ws)

    def attempt_failed(self, exc: Exception) -> None:
        """Count a failed attempt, and fail each Deferred that waits for no further attempt."""
        for waiting, failures in list(self._waiting.items()):
            # A callback of one Deferred may have cancelled another.
            if failures is None or waiting.called:
                continue
            self._waiting[waiting] = failures - 1
            if failures <= 1:
                del self._waiting[waiting]
                fail_quietly(waiting, exc)

    def fail(self, exc: Exception) -> None:
        """Fail all Deferreds."""
        while self._waiting:
            waiting, _ = self._waiting.popitem()
            fail_quietly(waiting, exc)

    def _forget(self, waiting: Deferred[C]) -> None:
        self._waiting.pop(waiting, None)
