"""An application's functions: which of them can be called, and what is to be awaited then."""

from __future__ import annotations

import inspect
from collections.abc import Coroutine
from types import CoroutineType
from typing import Any

from twisted.internet.defer import Deferred

from txws2.awaiting import Done

__all__ = ["HookResult", "has_fired", "to_await"]

HookResult = Deferred[Any] | Coroutine[Any, Any, Any] | None
"""What a hook returns: None, or what it is done with."""

_INSTEAD = {
    False: "decorate it with inlineCallbacks, or make it a coroutine function that awaits",
    True: "send what it yields, with `await connection.send(...)`",
}


def to_await(result: object) -> Deferred[Any] | None:
    """Return a Deferred for what a hook or a handler has returned, None if that is done.

    A coroutine is started.

    Raises:
        TypeError: it is a generator, so that nothing of the function has been run.
    """
    if isinstance(result, Deferred):
        return None if type(result) is Done else result
    if isinstance(result, CoroutineType):
        return Deferred.fromCoroutine(result)
    if inspect.isgenerator(result) or inspect.isasyncgen(result):
        raise TypeError(_never_run(result.__qualname__, inspect.isasyncgen(result)))
    return None


def has_fired(deferred: Deferred[Any]) -> bool:
    """Tell whether a Deferred has a result, and waits for no other."""
    return deferred.called and not deferred.paused


def _never_run(name: str, asynchronous: bool) -> str:
    kind = "an asynchronous generator" if asynchronous else "a generator"
    return f"{name}() is {kind} function, so nothing of it is run: {_INSTEAD[asynchronous]}"
