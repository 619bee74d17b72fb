"""Deferreds that a coroutine awaits: they cost it a fraction of what the general ones do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["Done", "Next"]


class Done(Deferred[None]):
    """A Deferred that has fired with None."""

    called = True
    result: Any = None

    def __await__(self) -> Iterator[Any]:  # type: ignore[override]
        if self.result is None and not self.paused:
            return iter(())
        return super().__await__()


class Next(Deferred[Any]):
    """A Deferred for one step of `async for`, which alone gets to see it.

    What awaits a Deferred adds one callback to it. Here that is called as such, where to fire a
    Deferred goes through lists of them.
    """

    _resume: tuple[Callable[..., object], tuple[Any, ...]] | None = None

    def addBoth(self, callback: Any, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Have this called with the result, or with the Failure."""
        if self._resume is None and not (self.called or kwargs):
            self._resume = callback, args
            return self
        self._join()
        return super().addBoth(callback, *args, **kwargs)

    def addCallbacks(self, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Have the first called with the result, the second with the Failure."""
        self._join()
        return super().addCallbacks(*args, **kwargs)

    def addCallback(self, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Have this called with the result."""
        self._join()
        return super().addCallback(*args, **kwargs)

    def addErrback(self, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Have this called with the Failure."""
        self._join()
        return super().addErrback(*args, **kwargs)

    def callback(self, result: Any) -> None:
        """Give the result to what awaits it."""
        resume = self._resume
        if resume is None:
            super().callback(result)
        else:
            self._resume = None
            # What awaits this looks it up.
            self.called = True
            self.result = result
            callback, args = resume
            self.result = callback(result, *args)

    def errback(self, fail: Failure | BaseException | None = None) -> None:
        """Fail what awaits it."""
        self._join()
        super().errback(fail)

    def _join(self) -> None:
        """Have what awaits this be one of those that Twisted calls."""
        if self._resume is not None:
            (callback, args), self._resume = self._resume, None
            super().addBoth(callback, *args)
