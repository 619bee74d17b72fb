"""Timers that factories share, if they have the same clock and the same times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from twisted.internet.interfaces import IReactorTime

__all__ = ["shared"]

T = TypeVar("T")

# As long as a factory has one, it is here.
_shared: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()


def shared(make: Callable[..., T], clock: IReactorTime, *arguments: object) -> T:
    """Return what a function makes of a clock and other arguments, the same for all who ask.

    Args:
        make: makes the object, which must support weak references.
        clock: the clock.
        *arguments: the other arguments.
    """
    key = make, clock, *arguments
    try:
        made: T | None = _shared.get(key)
    except TypeError:
        # This clock has no hash.
        return make(clock, *arguments)
    if made is None:
        made = _shared[key] = make(clock, *arguments)
    return made
