"""The state of a Deferred that is mostly awaited by one coroutine, and used in no other way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txws2._accelerator import accelerated

__all__ = ["Prompt"]


@accelerated
class Prompt:
    """Keeps the state of a Deferred, and its first callback.

    It stands before a Deferred among the bases of a class. A coroutine that awaits a Deferred adds
    one callback. Here that callback is called directly; a general Deferred would go through lists
    of callbacks. The twin in C has `called`, `paused` and `result` in its struct, too, and an
    ``await`` that takes no generator.

    Attributes:
        source: the object that gives the message; None if there is none.
    """

    source: Any = None

    # The first callback, and its arguments; None if there is none, or others were added.
    _waiting: Callable[..., object] | None = None
    _arguments: tuple[Any, ...] | None = None
    # True once it has all that Twisted gives to a Deferred.
    _whole = False
    # True while the first callback runs.
    _calling = False

    called: bool
    paused: int
    result: Any

    def addBoth(self, *args: Any, **kwargs: Any) -> Any:
        """Add a callback for the result, or for the Failure; its arguments come after it."""
        if self._waiting is not None or self._whole or self.called or kwargs or not args:
            return self._add_both(*args, **kwargs)
        self._waiting, *arguments = args
        self._arguments = tuple(arguments)
        return self

    def callback(self, result: Any, /) -> None:
        """Give the result to the coroutine that awaits it, or to the callbacks."""
        if self._whole or self.called or self.paused:
            self._call_back(result)
            return
        # A coroutine looks it up here.
        self.called = True
        self.result = result
        callback, arguments = self._waiting, self._arguments
        if callback is not None and arguments is not None:
            self._waiting = self._arguments = None
            self._calling = True
            try:
                returned = callback(result, *arguments)
            except BaseException as exc:
                self._calling = False
                self._raised(exc)
            else:
                self._calling = False
                if self.paused or isinstance(returned, (Failure, Deferred)):
                    self._returned(returned)
                else:
                    self.result = returned

    give = callback

    # The subclass provides these, and `_wait`, the iterator for ``await``.

    def _add_both(self, *args: Any, **kwargs: Any) -> Any:
        """Add a callback to those of a general Deferred."""
        raise NotImplementedError

    def _call_back(self, result: Any) -> None:
        """Give the result to the callbacks of a general Deferred."""
        raise NotImplementedError

    def _raised(self, exception: BaseException) -> None:
        """Take an exception that the callback has raised."""
        raise NotImplementedError

    def _returned(self, result: Any) -> None:
        """Take a result that has to be raised or waited for, or that other callbacks get."""
        raise NotImplementedError
