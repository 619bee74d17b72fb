"""Deferreds that a coroutine awaits: they cost it a fraction of what the general ones do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["Done", "Next", "Step"]

_T = TypeVar("_T")


class _Part:
    """What a Deferred is made with, where that is put off until it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, deferred: _Lean[Any], owner: type[_Lean[Any]]) -> Any:
        deferred.become_whole()
        return getattr(deferred, self._name)


class _Lean(Deferred[_T]):
    """A Deferred that has nothing yet but its class: that is enough to be awaited.

    It becomes one of another class, which is as Twisted's, when more is asked of it.
    """

    whole: ClassVar[type[Deferred[Any]]] = Deferred

    canceller: Callable[[Deferred[Any]], None] | None = None

    if TYPE_CHECKING:

        def __init__(self) -> None: ...

    else:
        __init__ = object.__init__

    def become_whole(self) -> None:
        """Be as any other Deferred from now on."""
        canceller = self.canceller
        self.__class__ = self.whole  # type: ignore[assignment]
        Deferred.__init__(self, canceller)


for _name in vars(Deferred()):
    setattr(_Lean, _name, _Part(_name))


class Done(_Lean[None]):
    """A Deferred that has fired with None."""

    called = True
    result: Any = None

    __await__: Callable[[], Iterator[Any]] = staticmethod(  # type: ignore[assignment]
        partial(iter, ())
    )

    def pause(self) -> None:
        """Have callbacks wait for `unpause`."""
        self.become_whole()
        self.pause()

    def become_whole(self) -> None:
        """Be as any other Deferred from now on."""
        super().become_whole()
        self.callback(None)


class Step(Deferred[Any]):
    """A Deferred for one step of `async for`."""


class Next(_Lean[Any], Step):
    """A Step that nobody but `async for` gets to see, mostly.

    What awaits a Deferred adds one callback to it. Here that is called as such, where to fire a
    Deferred goes through lists of them.

    Attributes:
        canceller: what is called when it is cancelled.
    """

    whole = Step

    _resume: tuple[Callable[..., object], tuple[Any, ...]] | None = None

    def addBoth(self, callback: Any, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Have this called with the result, or with the Failure."""
        if self._resume is None and not (self.called or kwargs):
            self._resume = callback, args
            return self
        self.become_whole()
        return self.addBoth(callback, *args, **kwargs)

    def callback(self, result: Any) -> None:
        """Give the result to what awaits it."""
        if self.called:
            self.become_whole()
            self.callback(result)
        else:
            # What awaits this looks it up.
            self.called = True
            self.result = result
            if self._resume is not None:
                (callback, args), self._resume = self._resume, None
                self.result = callback(result, *args)

    def errback(self, fail: Failure | BaseException | None = None) -> None:
        """Fail what awaits it."""
        self.become_whole()
        self.errback(fail)

    def become_whole(self) -> None:
        """Be as any other Step from now on."""
        resume, self._resume = self._resume, None
        super().become_whole()
        if resume is not None:
            callback, args = resume
            self.addBoth(callback, *args)
