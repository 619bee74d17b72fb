"""Exceptions that stand for others."""

from __future__ import annotations

from twisted.internet.defer import FirstError

__all__ = ["causes_of"]


def causes_of(exception: BaseException) -> list[BaseException]:
    """Return the exceptions that this one stands for; itself, if it is an ordinary one.

    What runs several things at once, as `gatherResults` and asyncio's TaskGroup do, raises a
    FirstError or an ExceptionGroup in place of what one of them has raised.
    """
    if isinstance(exception, FirstError):
        assert exception.subFailure.value is not None
        return causes_of(exception.subFailure.value)
    if isinstance(exception, BaseExceptionGroup):
        return [cause for each in exception.exceptions for cause in causes_of(each)]
    return [exception]
