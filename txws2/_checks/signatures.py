"""Whether an application's function can be called with what it will be called with."""

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
    """Make sure that a function can be called with these arguments, and does something then.

    Args:
        name: the option that it was given as.
        function: what was given.
        arguments: what it is called with.

    Raises:
        TypeError: it can't be.
    """
    check_function(name, function)
    assert callable(function)
    why = calling_fails(function, arguments)
    called = ", ".join(arguments) or "no argument"
    if why is not None:
        raise TypeError(f"{name} {written(function)} can't be called with {called}: {why}")
    if "request" in arguments and (parameters_of(function) or [""])[0] == "path":
        # As old versions of websockets call it.
        raise TypeError(
            f"{name} {written(function)} is called with {called}; the path is request.path, and "
            "the headers are request.headers"
        )


def calling_fails(
    function: Callable[..., object], positional: Sequence[str], keywords: Sequence[str] = ()
) -> str | None:
    """Tell why a function can't be called with such arguments; None if it can, as far as is known.

    A function of C may have no signature. A decorated one can be called if either its wrapper or
    what is wrapped can be: which of the two says what is needed is the decorator's affair.

    Args:
        function: the function.
        positional: the arguments without a name, as they are called in a text.
        keywords: the names of those with one.
    """
    why = _binding_fails(function, True, positional, keywords)
    if why is None or _passes_on(function):
        return why
    return None if _binding_fails(function, False, positional, keywords) is None else why


def parameters_of(function: Callable[..., object]) -> list[str] | None:
    """Return the names of what a function is called with; None if nobody knows."""
    signature = _signature(function, True)
    return None if signature is None else list(signature.parameters)


def name_of(function: object) -> str:
    """Return the name of a function, or of the class of what is called as one."""
    # The traceback, or the next line of the program, has the place where it was defined.
    return full_name_of(function).rpartition("<locals>.")[2]


def written(function: Callable[..., object]) -> str:
    """Return how a function's head is written, without types and defaults."""
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
        # Without its default, one would be in a wrong place.
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

        # A type that is imported for type checkers only isn't there to be found.
        options["annotation_format"] = Format.FORWARDREF
    try:
        return inspect.signature(function, follow_wrapped=follow_wrapped, **options)
    except Exception:
        if inspect.ismethod(function):
            # One that doesn't even take self: with it, there is one argument too many.
            return Signature() if _signature(function.__func__, True) == Signature() else None
        return None


def _passes_on(function: object) -> bool:
    """Tell whether a wrapper calls what it wraps with its own arguments, and no others."""
    while isinstance(function, partial):
        function = function.func
    # All decorators of txws2 and of Twisted do, as inlineCallbacks.
    code = getattr(function, "__code__", getattr(type(function).__call__, "__code__", None))
    return code is not None and code.co_filename.startswith(OF_LIBRARIES)
