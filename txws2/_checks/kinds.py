"""Checks of the types and ranges of an application's options."""

from __future__ import annotations

from math import inf
from numbers import Real
from typing import Any, SupportsIndex

from txws2.wire.escaping import escaped

__all__ = [
    "check_count",
    "check_flag",
    "check_instance",
    "check_path",
    "check_reactor",
    "check_seconds",
    "shown",
]

# The value of an option may be a whole file by mistake.
_LONGEST = 80


def check_count(
    name: str, value: object, least: int, most: int | None = None, *, optional: bool = True
) -> None:
    """Check that an option is an integer in its range.

    Args:
        name: the name of the option.
        value: its value.
        least: the least value.
        most: the greatest value; None for no limit.
        optional: True to permit None.

    Raises:
        TypeError: the value isn't an integer.
        ValueError: the value is out of range.
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
    """Check that an option is a number of seconds.

    Args:
        name: the name of the option.
        value: its value.
        zero: True to permit 0.
        optional: True to permit None.

    Raises:
        TypeError: the value isn't a number.
        ValueError: the value is out of range, which includes NaN and infinity.
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
    """Check that an option is True or False, or 1 or 0.

    Raises:
        TypeError: the value is something else, as "no", which would count as True.
    """
    if value is True or value is False or (value is None and optional):
        return
    if value not in (True, False):
        none = ", or None" if optional else ""
        raise TypeError(f"{name} must be True or False{none}; it is {shown(value)}")


def check_instance(name: str, value: object, kind: type, example: str) -> None:
    """Check that an option is an instance of a class.

    Args:
        name: the name of the option.
        value: its value.
        kind: the class.
        example: an expression that makes such an object.

    Raises:
        TypeError: the value isn't an instance.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, as {example}; it is {shown(value)}")


def check_path(path: object) -> None:
    """Check that an object is the path that a handler is served at.

    Raises:
        TypeError: it isn't a str.
        ValueError: it doesn't begin with a slash.
    """
    if not isinstance(path, str):
        raise TypeError(f"path must be a str, as '/chat'; it is {shown(path)}")
    if not path.startswith("/"):
        raise ValueError(f"path must begin with a slash, as '/chat'; it is {path!r}")


def check_reactor(reactor: Any) -> None:
    """Check that an object is a reactor; a Clock, which only has time, is one, too.

    Raises:
        TypeError: the object isn't a reactor.
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
            "takes names, and installs the reactor of that name"
        )
    raise TypeError(
        f"reactor must be a reactor of Twisted, or None for the global one; it is {shown(reactor)}"
    )


def shown(value: object) -> str:
    """Return a value and its type in one line, for an error text."""
    if value is None:
        return "None"
    text = escaped(repr(value))
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}..."
    return f"{text}, of type {type(value).__name__}"
