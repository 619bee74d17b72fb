"""Checks that an application's function accepts the arguments of its calls."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import partial
from inspect import Parameter, Signature
from typing import Any

from txws2._checks.own_files import OF_LIBRARIES
from txws2._deferreds.callables import check_function
from txws2._deferreds.callables import name_of as full_name_of

__all__ = ["calling_fails", "check_hook", "name_of", "parameters_of", "written"]


def check_hook(name: str, function: object, arguments: Sequence[str]) -> None:
    """Check that a function can be called with these arguments, and that a call does something.

    Args:
        name: the option with the function.
        function: its value.
        arguments: the names of the arguments of a call.

    Raises:
        TypeError: it can't be called so, or isn't a function.
    """
    check_function(name, function)
    assert callable(function)
    why = calling_fails(function, arguments)
    called = ", ".join(arguments) or "no argument"
    if why is not None:
        raise TypeError(f"{name} {written(function)} can't be called with {called}: {why}")
    if "request" in arguments and (parameters_of(function) or [""])[0] == "path":
        # Old versions of websockets call process_request with path and headers.
        raise TypeError(
            f"{name} {written(function)} is called with {called}; the path is request.path, and "
            "the headers are request.headers"
        )


def calling_fails(
    function: Callable[..., object], positional: Sequence[str], keywords: Sequence[str] = ()
) -> str | None:
    """Return why a function can't be called with such arguments; None if it probably can.

    A function in C may have no signature. A decorated function passes if either its wrapper or
    the wrapped function accepts the arguments, because a decorator may change them.

    Args:
        function: the function.
        positional: a name for each positional argument.
        keywords: the names of the keyword arguments.
    """
    why = _binding_fails(function, True, positional, keywords)
    if why is None or _passes_on(function):
        return why
    return None if _binding_fails(function, False, positional, keywords) is None else why


def parameters_of(function: Callable[..., object]) -> list[str] | None:
    """Return the names of a function's parameters; None if it has no signature."""
    signature = _signature(function, True)
    return None if signature is None else list(signature.parameters)


def name_of(function: object) -> str:
    """Return the name of a function, or of the class of a callable object."""
    # The traceback shows where a local function was defined.
    return full_name_of(function).rpartition("<locals>.")[2]


def written(function: Callable[..., object]) -> str:
    """Return a function's name and parameters, without types and defaults."""
    signature = _signature(function, True)
    if signature is None:
        return name_of(function)
    bare = [
        each.replace(annotation=Parameter.empty, default=Parameter.empty)
        for each in signature.parameters.values()
    ]
    try:
        return f"{name_of(function)}{Signature(bare)}"
    except ValueError:
        # Without defaults, the order of the parameters would be invalid.
        return name_of(function)


def _binding_fails(
    function: Callable[..., object],
    follow_wrapped: bool,
    positional: Sequence[str],
    keywords: Sequence[str],
) -> str | None:
    signature = _signature(function, follow_wrapped)
    if signature is None:
        return None
    try:
        signature.bind(*positional, **dict.fromkeys(keywords))
    except TypeError as exc:
        return str(exc)
    return None


def _signature(function: Callable[..., object], follow_wrapped: bool) -> Signature | None:
    options: dict[str, Any] = {}
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        # An annotation may name a type that is imported only for type checkers.
        options["annotation_format"] = Format.FORWARDREF
    try:
        return inspect.signature(function, follow_wrapped=follow_wrapped, **options)
    except Exception:
        if inspect.ismethod(function):
            # The method has no parameters, not even self, so a call has one argument too many.
            return Signature() if _signature(function.__func__, True) == Signature() else None
        return None


def _passes_on(function: object) -> bool:
    """Return True if a wrapper calls the wrapped function with its own arguments only."""
    while isinstance(function, partial):
        function = function.func
    # All decorators of txws2 and of Twisted do this, for instance inlineCallbacks.
    code = getattr(function, "__code__", getattr(type(function).__call__, "__code__", None))
    return code is not None and code.co_filename.startswith(OF_LIBRARIES)
