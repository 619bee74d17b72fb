"""Those who wait for a connection, each as long as it likes."""

from __future__ import annotations

from typing import Generic, TypeVar

from twisted.internet.defer import Deferred

from txws2._deferreds.eventual import Eventual
from txws2._deferreds.waiters import fail_quietly
from txws2.client.protocol import WebSocketClientProtocol

__all__ = ["Expecting"]

C = TypeVar("C", bound=WebSocketClientProtocol)


class Expecting(Generic[C]):
    """Those who wait for a connection; each may cancel on its own."""

    def __init__(self) -> None:
        # How many more attempts may fail; None for any number.
        self._waiting: dict[Deferred[C], int | None] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def wait(self, failures: int | None) -> Deferred[C]:
        """Return a Deferred of the next connection, that fails with so many attempts."""
        waiting: Deferred[C] = Eventual(self._forget)
        self._waiting[waiting] = failures
        return waiting

    def fire_one(self, ws: C) -> None:
        """Give the connection to the one that has waited longest."""
        waiting = next(iter(self._waiting))
        del self._waiting[waiting]
        waiting.callback(ws)

    def attempt_failed(self, exc: Exception) -> None:
        """Fail those who don't wait for another attempt."""
        for waiting, failures in list(self._waiting.items()):
            # One that fails may have another cancelled.
            if failures is None or waiting.called:
                continue
            self._waiting[waiting] = failures - 1
            if failures <= 1:
                del self._waiting[waiting]
                fail_quietly(waiting, exc)

    def fail(self, exc: Exception) -> None:
        """Fail all of them."""
        while self._waiting:
            waiting, _ = self._waiting.popitem()
            fail_quietly(waiting, exc)

    def _forget(self, waiting: Deferred[C]) -> None:
        self._waiting.pop(waiting, None)
