"""The signals that end a program: the reactor handles the first, the system the next."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["handlers_restored", "restore_default_actions", "stop_on_first_signal"]


def stop_on_first_signal(reactor: Any) -> None:
    """Let the first signal stop the reactor, and any later one end the process at once.

    Code that blocks the reactor keeps it from stopping, but the second signal still ends the
    process.
    """
    for number, name in ((signal.SIGINT, "sigInt"), (signal.SIGTERM, "sigTerm")):
        stop = getattr(reactor, name, None)

        def first(number: int, frame: FrameType | None, stop: Any = stop) -> None:
            restore_default_actions()
            stop(number, frame)

        # A signal handler of the application's, or of a debugger, stays.
        if stop is not None and signal.getsignal(number) == stop:
            signal.signal(number, first)


def restore_default_actions() -> None:
    """Let the next signal end the process, even while the reactor is blocked."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)


@contextmanager
def handlers_restored() -> Iterator[None]:
    """Restore the signal handlers on leaving."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
