"""A program that never runs the reactor ends in silence; one line on stderr tells it why."""

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

# These have reactors of their own, or run the global one as they like.
_OF_TESTS = ("pytest", "twisted.trial", "unittest")

# Of each call so far what tells whether it still waits for the reactor, and what to say then.
_waiting: list[tuple[Callable[[], bool], str]] = []


def expect_reactor(reactor: Any, waits: Callable[[], bool], text: str) -> None:
    """Say at the end of the process that the global reactor was never run, if it wasn't.

    It costs nothing once the reactor runs. In tests, on another reactor than the global one, and in
    an asyncio loop, nothing is said.

    Args:
        reactor: what the call was given; None for the global reactor.
        waits: tells at the end whether somebody could still be waiting for what was called.
        text: the line to write then.
    """
    installed: Any = sys.modules.get("twisted.internet.reactor")
    if reactor not in (None, installed) or getattr(installed, "running", True):
        return
    if current_loop() is not None or any(name in sys.modules for name in _OF_TESTS):
        return
    if not _waiting:
        atexit.register(_tell, os.getpid())
        # It is called by whatever runs the reactor, be it for one iteration.
        installed.callLater(0, _forget)
    _waiting.append((waits, text))


def _forget() -> None:
    _waiting.clear()
    atexit.unregister(_tell)


def _tell(process: int) -> None:
    # One that was forked has none of it to do; one that has failed has said why.
    if os.getpid() != process or hasattr(sys, "last_value") or sys.stderr is None:
        return
    for text in dict.fromkeys(text for waits, text in _waiting if waits()):
        sys.stderr.write(text)
