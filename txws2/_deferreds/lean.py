"""Deferreds for coroutines to await; they cost a fraction of general Deferreds."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txws2._deferreds.eventual import Eventual
from txws2._deferreds.prompt import Prompt
from txws2._private_names import can_be_lean

__all__ = [
    "DONE",
    "RECEIVED",
    "STEP",
    "Done",
    "Incoming",
    "Next",
    "OnDemand",
    "Received",
    "Source",
    "Step",
    "stop_waiting",
]

_T = TypeVar("_T")

_LEAN = can_be_lean(Deferred)


class _Part:
    """An attribute that ``Deferred.__init__`` sets, but only when somebody asks for it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, deferred: _Lean[Any], owner: type[_Lean[Any]]) -> Any:
        deferred.become_whole()
        return vars(deferred)[self._name]


class _Lean(Prompt, Eventual[_T]):
    """A Deferred that has nothing but its state, which is enough to be awaited.

    When more is asked of it, it gets all that Twisted gives to a Deferred.
    """

    _wait = Eventual.__await__
    _add_both = Eventual.addBoth
    _call_back = Eventual.callback
    # True while callbacks wait for the outcome of the first, which has added them.
    _waits = False
    _outcome: Any = None

    def __init__(self) -> None:
        if not _LEAN:
            self.become_whole()

    def become_whole(self) -> None:
        """Become like any other Deferred."""
        self._whole = True
        vars(self).update(vars(Deferred(self.canceller)))
        if self._calling:
            # Callbacks that the first one adds get its result, which may be another Deferred's.
            self.pause()
            self.addCallback(lambda _: self._outcome)
            self._waits = True

    @staticmethod
    def canceller(deferred: Deferred[Any]) -> None:
        """Do what is to be done before this fails with a CancelledError."""

    def _raised(self, exception: BaseException) -> None:
        self._returned(Failure(exception))

    def _returned(self, result: Any) -> None:
        if self._waits:
            self._waits, self._outcome = False, result
            self.unpause()
        else:
            # Only a general Deferred makes a result of a Failure, or of another Deferred.
            self.addCallback(lambda _: result)


if _LEAN:
    for _name in vars(Deferred()):
        setattr(_Lean, _name, _Part(_name))
    # The accelerator makes these without calling their __init__.
    if not TYPE_CHECKING:
        _Lean.__init__ = object.__init__


class Done(_Lean[None]):
    """A Deferred that has fired with None."""

    def __init__(self) -> None:
        super().__init__()
        self.called = True
        self.result: Any = None


class Source(Protocol):
    """An object that gives messages, one after the other."""

    def cancel_reader(self) -> None:
        """Stop waiting for a message."""

    def give_back(self, message: Any) -> None:
        """Take a message back that nobody has seen."""


class Incoming(Eventual[Any]):
    """A Deferred of a message that arrives.

    Attributes:
        source: the object that gives the message; None if there is none.
        original: the message as it has arrived; callbacks may make another result of it.
        convert: makes the result of the message; None to leave it as it is.
    """

    source: Source | None = None
    original: Any = None
    convert: Callable[[Any], Any] | None = None

    def give(self, message: Any) -> None:
        """Fire with a message, converted as it was asked for."""
        if self.convert is not None:
            self.original = message
            try:
                message = self.convert(message)
            except UnicodeDecodeError:
                self.errback()
                return
        self.callback(message)

    def callback(self, result: Any) -> None:
        """Give the result to the callbacks."""
        if self.original is None:
            # Callbacks may make another result of it.
            self.original = result
        super().callback(result)

    def withdraw(self, result: Any) -> None:
        """Give the message back, so that the next reader gets it."""
        if self.source is not None:
            self.source.give_back(result if self.original is None else self.original)


class OnDemand(Incoming):
    """A Deferred of a message that is asked for when somebody begins to wait.

    A task that is cancelled before it begins never looks at the Deferred that it was to await, as
    in ``asyncio.wait_for(ws.recv(), 0)``. A message that came later would be lost.

    Args:
        ask: called with this Deferred when somebody begins to wait.
    """

    def __init__(self, ask: Callable[[OnDemand], object]) -> None:
        super().__init__(self._cancel)
        self._ask: Callable[[OnDemand], object] | None = ask

    def __await__(self) -> Generator[Any, None, Any]:
        self._begin()
        return super().__await__()

    __iter__ = __await__

    def addCallbacks(self, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Wait for it."""
        self._begin()
        return super().addCallbacks(*args, **kwargs)

    def addCallback(self, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Wait for it."""
        self._begin()
        return super().addCallback(*args, **kwargs)

    def addErrback(self, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Wait for it."""
        self._begin()
        return super().addErrback(*args, **kwargs)

    def addBoth(self, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Wait for it."""
        self._begin()
        return super().addBoth(*args, **kwargs)

    def _begin(self) -> None:
        ask, self._ask = self._ask, None
        if ask is not None and not self.called:
            ask(self)

    def _cancel(self, _: Deferred[Any]) -> None:
        if self._ask is None and self.source is not None:
            self.source.cancel_reader()


class Step(Incoming):
    """A Deferred for one step of `async for`."""


def stop_waiting(deferred: Any) -> None:
    """Cancel the Deferred of a message."""
    if deferred.source is not None:
        deferred.source.cancel_reader()


class Received(_Lean[Any], Incoming):
    """A Deferred of a message. Mostly it is awaited at once, and not used in any other way."""

    canceller = staticmethod(stop_waiting)

    def _call_back(self, result: Any) -> None:
        if not self._whole:
            self.become_whole()
        Incoming.callback(self, result)

    def errback(self, fail: Failure | BaseException | None = None) -> None:
        """Raise an exception in the coroutine that awaits this."""
        if not self._whole:
            self.become_whole()
        super().errback(fail)

    def become_whole(self) -> None:
        """Become like any other Deferred."""
        callback, arguments = self._waiting, self._arguments
        self._waiting = self._arguments = None
        if self.called and self.original is None:
            self.original = self.result
        super().become_whole()
        if callback is not None:
            self.addBoth(callback, *(arguments or ()))


class Next(Received, Step):
    """A Step that mostly nobody but `async for` sees."""


RECEIVED: type[Received] | None = Received if _LEAN else None
"""The class of a Deferred of a message, if the accelerator may make its instances."""

STEP: type[Next] | None = Next if _LEAN else None
"""The class of a Deferred of a step of ``async for``, if the accelerator may make its instances."""

DONE: type[Done] | None = Done if _LEAN else None
"""The class of a Deferred that has fired, if the accelerator may make its instances."""
