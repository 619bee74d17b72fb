"""Deferreds for coroutines to await; they cost a fraction of general Deferreds."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txws2._deferreds.eventual import Eventual
from txws2._private_names import can_be_lean

__all__ = ["Done", "Incoming", "Next", "OnDemand", "Received", "Source", "Step"]

_T = TypeVar("_T")


class _Part:
    """An attribute that ``Deferred.__init__`` sets, but only when somebody asks for it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, deferred: _Lean[Any], owner: type[_Lean[Any]]) -> Any:
        deferred.become_whole()
        return getattr(deferred, self._name)


class _Lean(Eventual[_T]):
    """A Deferred without any attributes of its own, which is enough to be awaited.

    When more is asked of it, it becomes an instance of another class, which is made as Twisted
    makes a Deferred.
    """

    whole: ClassVar[type[Deferred[Any]]] = Eventual

    canceller: Callable[[Deferred[Any]], None] | None = None

    if TYPE_CHECKING:

        def __init__(self) -> None: ...

    else:
        __init__ = object.__init__

    def become_whole(self) -> None:
        """Become like any other Deferred."""
        canceller = self.canceller
        self.__class__ = self.whole  # type: ignore[assignment]
        Deferred.__init__(self, canceller)


if can_be_lean(Deferred):
    for _name in vars(Deferred()):
        setattr(_Lean, _name, _Part(_name))
else:
    # Each is whole from the beginning.
    _Lean.__init__ = lambda self: self.become_whole()  # type: ignore[method-assign]


class Done(_Lean[None]):
    """A Deferred that has fired with None."""

    called = True
    result: Any = None

    __await__: Callable[[], Iterator[Any]] = staticmethod(  # type: ignore[assignment]
        partial(iter, ())
    )

    def pause(self) -> None:
        """Let callbacks wait for `unpause`."""
        self.become_whole()
        self.pause()

    def become_whole(self) -> None:
        """Become like any other Deferred."""
        super().become_whole()
        self.callback(None)


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
    """

    source: Source | None = None
    original: Any = None

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


class Received(_Lean[Any], Incoming):
    """A Deferred of a message. Mostly it is awaited at once, and not used in any other way.

    A coroutine that awaits a Deferred adds one callback. Here that callback is called directly; a
    general Deferred would go through lists of callbacks.
    """

    whole = Incoming

    _resume: tuple[Callable[..., object], tuple[Any, ...]] | None = None

    def canceller(self, _: Deferred[Any]) -> None:
        """Stop waiting for a message."""
        if self.source is not None:
            self.source.cancel_reader()

    def addBoth(self, callback: Any, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Add a callback for the result, or for the Failure."""
        if self._resume is None and not (self.called or kwargs):
            self._resume = callback, args
            return self
        self.become_whole()
        return self.addBoth(callback, *args, **kwargs)

    def callback(self, result: Any) -> None:
        """Give the result to the coroutine that awaits it."""
        if self.called:
            self.become_whole()
            self.callback(result)
        else:
            # The coroutine looks it up here.
            self.called = True
            self.result = result
            if self._resume is not None:
                (callback, args), self._resume = self._resume, None
                self.result = callback(result, *args)

    def errback(self, fail: Failure | BaseException | None = None) -> None:
        """Raise an exception in the coroutine that awaits this."""
        self.become_whole()
        self.errback(fail)

    def become_whole(self) -> None:
        """Become like any other Deferred."""
        resume, self._resume = self._resume, None
        if self.called and self.original is None:
            self.original = self.result
        super().become_whole()
        if resume is not None:
            callback, args = resume
            self.addBoth(callback, *args)


class Next(Received, Step):
    """A Step that mostly nobody but `async for` sees."""

    whole = Step
