"""Logged failures, for a program that shows no log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import provider

__all__ = ["watch_failures"]


@contextmanager
def watch_failures(tell: Callable[[Failure], None]) -> Iterator[None]:
    """Report each failure that is logged as an error within the context.

    Such failures include uncaught exceptions of callbacks, hooks and Deferreds.

    Args:
        tell: called with each failure.
    """

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        # The reactor logs by twisted.python.log, whose events have the key "failure".
        failure = event.get("log_failure") or event.get("failure")
        if failure is not None and event.get("log_level", LogLevel.error) >= LogLevel.error:
            tell(failure)

    globalLogPublisher.addObserver(observe)
    try:
        yield
    finally:
        globalLogPublisher.removeObserver(observe)
