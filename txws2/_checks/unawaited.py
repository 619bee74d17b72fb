"""A warning on stderr at the end of a program that has never run the reactor."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from typing import Any

from txws2._private_names import current_loop

__all__ = ["CONNECT", "SERVE", "expect_reactor"]

SERVE = (
    "txws2: serve() was called, but the reactor was never run, so nobody was served; "
    'instead, call txws2.run(handler, "localhost", 8000), or txws2.run(main), '
    "where main(reactor) is a coroutine function that calls serve()\n"
)
CONNECT = (
    "txws2: connect() was called, but the reactor was never run, so there is no connection; "
    "call txws2.run(main), where main(reactor) is a coroutine function that awaits connect()\n"
)

# Test runners have reactors of their own, or run the global one in their own way.
_OF_TESTS = ("pytest", "twisted.trial", "unittest")

# For each call so far: a function that returns True if it still waits, and the warning.
_waiting: list[tuple[Callable[[], bool], str]] = []

_has_run = False


def expect_reactor(reactor: Any, waits: Callable[[], bool], text: str) -> None:
    """Warn at the end of the process if the global reactor was never run.

    This costs nothing once the reactor runs. There is no warning in tests, on a reactor other than
    the global one, or in an asyncio loop.

    Args:
        reactor: the reactor of the call; None for the global reactor.
        waits: called at the end; it returns True if the call still waits for the reactor.
        text: the warning.
    """
    global _has_run
    installed: Any = sys.modules.get("twisted.internet.reactor")
    if reactor not in (None, installed):
        return
    # A program may connect at its end, after the reactor has stopped.
    _has_run = _has_run or getattr(installed, "running", False)
    if _has_run or not hasattr(installed, "running"):
        return
    if current_loop() is not None or any(name in sys.modules for name in _OF_TESTS):
        return
    if not _waiting:
        atexit.register(_tell, os.getpid())
        # The reactor calls this in its first turn, even if it runs for one iteration only.
        installed.callLater(0, _forget)
    _waiting.append((waits, text))


def _forget() -> None:
    global _has_run
    _has_run = True
    _waiting.clear()
    atexit.unregister(_tell)


def _tell(process: int) -> None:
    # A forked process inherits this list. A failed process has shown a traceback already.
    if os.getpid() != process or hasattr(sys, "last_value") or sys.stderr is None:
        return
    for text in dict.fromkeys(text for waits, text in _waiting if waits()):
        sys.stderr.write(text)
