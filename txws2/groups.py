"""Exceptions that come in a group, as from `asyncio.TaskGroup`, be it a single one."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["members"]


def members(exception: BaseException | None) -> Iterator[BaseException]:
    """Generate what is in a group of exceptions, and in groups within it; or a single exception."""
    if isinstance(exception, BaseExceptionGroup):
        for each in exception.exceptions:
            yield from members(each)
    elif exception is not None:
        yield exception
