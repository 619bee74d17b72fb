"""Advice in the log for an application that has left out `async` before `for` or `with`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.python.reflect import safe_str

__all__ = ["advice_on_async"]

_MISTAKES = (
    (
        re.compile(r"'(\w+)' object is not (?:iterable|an iterator)"),
        "__aiter__",
        "async for message in ws",
    ),
    (
        re.compile(r"'(\w+)' object does not support the context manager protocol.*"),
        "__aenter__",
        "async with ... as ws",
    ),
)


def advice_on_async(exception: BaseException | None) -> str | None:
    """Return advice on a loop, or a `with`, over a connection or a Deferred of one.

    These classes have no `__iter__` or `__enter__` that could raise an error with this advice:
    others would take them for iterables.

    Args:
        exception: an exception of an application.

    Returns:
        A sentence; None for any other exception.
    """
    if not isinstance(exception, TypeError):
        return None
    text = safe_str(exception)
    for pattern, method, right in _MISTAKES:
        match = pattern.fullmatch(text)
        if match is not None and any(hasattr(kind, method) for kind in _called(match[1])):
            return f"write: {right}, in an async def"
    return None


def _called(name: str) -> Iterator[type]:
    """Generate the classes of this name, of protocols and Deferreds."""
    classes: list[type] = [Protocol, Deferred]
    for kind in classes:
        classes += kind.__subclasses__()
        if kind.__name__ == name:
            yield kind
