"""Reloading: a process is started again whenever the file of one of its modules has changed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Container
from threading import Thread
from time import sleep
from typing import Any

__all__ = ["Changes", "is_watched", "supervise"]

_VARIABLE = "TXWS2_RELOADS"

_PAUSE = 0.3
"""Seconds between two looks at the files."""


class Changes:
    """Stops a reactor when a file has changed.

    Args:
        reactor: the reactor.

    Attributes:
        seen: True once a file has changed.
    """

    STATUS = 75
    """The exit status that asks for another start."""

    def __init__(self, reactor: Any) -> None:
        self.seen = False
        self._reactor = reactor
        self._known = _times()
        reactor.callWhenRunning(self._look)

    def _look(self) -> None:
        if _have_changed(self._known):
            self.seen = True
            self._reactor.stop()
        else:
            self._known |= _times(self._known)
            self._reactor.callLater(_PAUSE, self._look)


def is_watched() -> bool:
    """Return True in the process that is started again."""
    return _VARIABLE in os.environ


def supervise() -> int:
    """Run this same program in a child process, again and again; return its exit status."""
    process: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, frame: object) -> None:
        if process is None or process.poll() is not None:
            sys.exit(0)
        process.send_signal(number)

    def interrupt() -> None:
        if process is None or process.poll() is not None:
            # The main thread ends on this one.
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            process.send_signal(signal.SIGINT)

    signal.signal(signal.SIGTERM, pass_on)
    _hear_interrupts(interrupt)
    command = [sys.executable, *sys.orig_argv[1:]]
    while True:
        known = _times()
        # A terminal sends SIGINT to both processes; the child ends on it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        environment = os.environ | {_VARIABLE: "1"}
        process = subprocess.Popen(command, env=environment, preexec_fn=_restore_sigint)
        status = process.wait()
        if status in (-signal.SIGINT, -signal.SIGTERM):
            # A shell gives 128 plus the signal's number as the status.
            return 128 - status
        if status == 0:
            return 0
        if status != Changes.STATUS:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
            print("waiting for a file to change", file=sys.stderr, flush=True)
            while not _have_changed(known):
                sleep(_PAUSE)


def _restore_sigint() -> None:
    # A signal that is ignored or blocked stays so in a new program.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


def _hear_interrupts(interrupt: Callable[[], object]) -> None:
    """Call a function on each SIGINT that a process has sent, as `kill -INT` does.

    The child has got the SIGINT of a terminal already, and a second one would end it at once.
    """
    # macOS lacks this, and nothing else tells who has sent a signal.
    wait: Any = getattr(signal, "sigwaitinfo", None)

    def hear() -> None:
        while True:
            # signal(7): the si_code is positive if the kernel has sent it, as for a terminal.
            if wait([signal.SIGINT]).si_code <= 0:
                interrupt()

    if wait is not None:
        # Blocked before the thread begins, the signal is blocked in it, too.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        Thread(target=hear, daemon=True).start()


def _times(known: Container[str] = ()) -> dict[str, float]:
    """Return the time of the last change of each module's file, except for the known files."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return {file: _time_of(file) for file in files if isinstance(file, str) and file not in known}


def _time_of(file: str) -> float:
    try:
        return os.stat(file).st_mtime
    except OSError:
        return 0


def _have_changed(known: dict[str, float]) -> bool:
    # A file may be missing (0) for a moment while an editor replaces it.
    return any(_time_of(file) not in (0, time) for file, time in known.items())
