"""Exceptions that wrap other exceptions."""

from __future__ import annotations

from twisted.internet.defer import FirstError

__all__ = ["causes_of"]


def causes_of(exception: BaseException) -> list[BaseException]:
    """Return the exceptions that an exception wraps; the exception itself, if it wraps none.

    `gatherResults` and asyncio's TaskGroup run several things at once, and raise a FirstError or
    an ExceptionGroup in place of the exceptions of these.
    """
    if isinstance(exception, FirstError):
        assert exception.subFailure.value is not None
        return causes_of(exception.subFailure.value)
    if isinstance(exception, BaseExceptionGroup):
        return [cause for each in exception.exceptions for cause in causes_of(each)]
    return [exception]
