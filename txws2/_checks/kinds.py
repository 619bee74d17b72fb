"""The kinds and the ranges of an application's options, checked where they are given."""

from __future__ import annotations

from math import inf
from numbers import Real
from typing import Any, SupportsIndex

from txws2.wire.escaping import escaped

__all__ = [
    "check_count",
    "check_flag",
    "check_instance",
    "check_reactor",
    "check_seconds",
    "shown",
]

# An option may be a whole file by mistake.
_LONGEST = 80


def check_count(
    name: str, value: object, least: int, most: int | None = None, *, optional: bool = True
) -> None:
    """Make sure that an option is a whole number within its range.

    Args:
        name: the option.
        value: what it was given as.
        least: the least that it may be.
        most: the most; None for no limit.
        optional: whether it may be None.

    Raises:
        TypeError: it isn't a whole number.
        ValueError: it is out of range.
    """
    if type(value) is int and value >= least and (most is None or value <= most):
        return
    if value is None and optional:
        return
    allowed = f"at least {least}" if most is None else f"from {least} to {most}"
    none = ", or None" if optional else ""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise TypeError(f"{name} must be an int, {allowed}{none}; it is {shown(value)}")
    number = value.__index__()
    if number < least or (most is not None and number > most):
        raise ValueError(f"{name} must be {allowed}{none}; it is {number}")


def check_seconds(name: str, value: object, *, zero: bool = False, optional: bool = True) -> None:
    """Make sure that an option is a number of seconds.

    Args:
        name: the option.
        value: what it was given as.
        zero: whether it may be 0.
        optional: whether it may be None.

    Raises:
        TypeError: it isn't a number.
        ValueError: it is out of range: not a number (NaN) and infinity are, too.
    """
    if (type(value) is float or type(value) is int) and 0 < value < inf:
        return
    if value is None and optional:
        return
    none = ", or None" if optional else ""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number of seconds{none}; it is {shown(value)}")
    seconds = float(value)
    if not (0 < seconds < inf or (zero and seconds == 0)):
        allowed = "at least 0" if zero else "more than 0"
        raise ValueError(f"{name} must be {allowed} seconds{none}; it is {value}")


def check_flag(name: str, value: object, *, optional: bool = False) -> None:
    """Make sure that an option is True or False; 1 and 0 will do.

    Raises:
        TypeError: it is something else, as "no", which would count as True.
    """
    if value is True or value is False or (value is None and optional):
        return
    if value not in (True, False):
        none = ", or None" if optional else ""
        raise TypeError(f"{name} must be True or False{none}; it is {shown(value)}")


def check_instance(name: str, value: object, kind: type, example: str) -> None:
    """Make sure that an option is an object of a class.

    Args:
        name: the option.
        value: what it was given as.
        kind: the class.
        example: how such an object is written.

    Raises:
        TypeError: it isn't.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, as {example}; it is {shown(value)}")


def check_reactor(reactor: Any) -> None:
    """Make sure that there is a reactor; one that has nothing but time is one, too.

    Raises:
        TypeError: it isn't one.
    """
    if hasattr(reactor, "callLater") and hasattr(reactor, "seconds"):
        return
    if hasattr(reactor, "call_later"):
        raise TypeError(
            "reactor is an event loop of asyncio, and must be a reactor of Twisted: leave the "
            "option out, and install AsyncioSelectorReactor, which runs on such a loop, as "
            'run(..., reactor="asyncio") does; see docs/howto/asyncio.rst'
        )
    if isinstance(reactor, str):
        raise TypeError(
            f"reactor must be a reactor of Twisted, or None; it is {shown(reactor)}. Only run() "
            "takes names, and installs what they name"
        )
    raise TypeError(
        f"reactor must be a reactor of Twisted, or None for the global one; it is {shown(reactor)}"
    )


def shown(value: object) -> str:
    """Return a value and its kind as a person is told of them, on one line."""
    if value is None:
        return "None"
    text = escaped(repr(value))
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}..."
    return f"{text}, of type {type(value).__name__}"
