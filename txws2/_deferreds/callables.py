"""An application's functions: checks before they are called, and awaiting their results."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from functools import partial
from types import CoroutineType
from typing import Any

from twisted.internet.defer import Deferred

from txws2._deferreds.lean import Done
from txws2._deferreds.tasks import running_loop, started

__all__ = [
    "check_function",
    "check_functions",
    "has_fired",
    "name_of",
    "result_of",
    "to_await",
]

_INSTEAD = {
    False: "decorate it with inlineCallbacks, or make it a coroutine function that awaits",
    True: "send what it yields, with `await connection.send(...)`",
}


def check_functions(**functions: object) -> None:
    """Make sure that functions given as options do something when they are called.

    Args:
        **functions: the functions, by the names of the options; None for an option without one.

    Raises:
        TypeError: one can't be called, or is a generator function.
    """
    for name, function in functions.items():
        if function is not None:
            check_function(name, function)


def check_function(name: str, function: object) -> None:
    """Make sure that a function of an application does something when it is called.

    Args:
        name: the name of the option.
        function: the option's value.

    Raises:
        TypeError: it can't be called, or is a generator function, whose body would never run.
    """
    if inspect.iscoroutine(function):
        function.close()
        raise TypeError(f"{name} is a coroutine: give the function itself, and don't call it")
    if not callable(function):
        raise TypeError(f"{name} must be a function; it is {function!r}")
    for called in (function, getattr(function, "__call__", None)):  # noqa: B004
        asynchronous = inspect.isasyncgenfunction(called)
        if asynchronous or inspect.isgeneratorfunction(called):
            raise TypeError(f"{name}: {_never_run(name_of(function), asynchronous)}")


def to_await(result: object) -> Deferred[Any] | None:
    """Return a Deferred for the result of a hook or a handler; None if there is no need to wait.

    A coroutine is started.

    Raises:
        TypeError: the result is a generator, so the function's body has not run.
    """
    if isinstance(result, Deferred):
        return None if type(result) is Done else result
    if isinstance(result, CoroutineType):
        return started(result)
    _refuse_generator(result)
    if inspect.isawaitable(result) and running_loop() is not None:
        # A future of asyncio can only be awaited on asyncio's reactor.
        return started(_value_of(result))
    return None


async def result_of(returned: object) -> Any:
    """Return the result of a function, after awaiting it if it is awaitable.

    Raises:
        TypeError: the result is a generator, so the function's body has not run.
    """
    _refuse_generator(returned)
    if not inspect.isawaitable(returned):
        return returned
    if running_loop() is not None and not isinstance(returned, Deferred):
        return await started(_value_of(returned))
    return await returned


def has_fired(deferred: Deferred[Any]) -> bool:
    """Return True if a Deferred has a result, and doesn't wait for another Deferred."""
    return deferred.called and not deferred.paused


async def _value_of(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _refuse_generator(returned: object) -> None:
    if inspect.isgenerator(returned) or inspect.isasyncgen(returned):
        raise TypeError(_never_run(returned.__qualname__, inspect.isasyncgen(returned)))


def name_of(function: object) -> str:
    """Return the name that a function was defined with, for the text of an error."""
    while isinstance(function, partial):
        function = function.func
    return getattr(function, "__qualname__", type(function).__qualname__)


def _never_run(name: str, asynchronous: bool) -> str:
    kind = "an asynchronous generator" if asynchronous else "a generator"
    return f"{name}() is {kind} function, so its body never runs: {_INSTEAD[asynchronous]}"
