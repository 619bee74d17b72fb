"""Failures that are logged, for a program that shows no log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import provider

__all__ = ["watching"]


@contextmanager
def watching(tell: Callable[[Failure], None]) -> Iterator[None]:
    """Tell of each failure that is logged meanwhile as an error.

    So is what a callback, a hook or a Deferred has raised and nobody has caught.

    Args:
        tell: called with each.
    """

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        # The reactor logs what a protocol raises by twisted.python.log, which names it otherwise.
        failure = event.get("log_failure") or event.get("failure")
        if failure is not None and event.get("log_level", LogLevel.error) >= LogLevel.error:
            tell(failure)

    globalLogPublisher.addObserver(observe)
    try:
        yield
    finally:
        globalLogPublisher.removeObserver(observe)
