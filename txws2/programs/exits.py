"""`watch_exit` tells when a process has ended, and leaves its status to whoever asks first."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.process import reapProcessHandlers
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2.programs.command import Process

__all__ = ["watch_exit"]


def watch_exit(reactor: Any, process: Process, exited: Callable[[], None]) -> Callable[[], None]:
    """Call a function once, when a process has ended.

    Linux has descriptors for processes. These work with any reactor, in any thread, and cost the
    same however many processes there are. Elsewhere, Twisted looks after all processes that it
    knows whenever the system reports the end of one.

    Args:
        reactor: the reactor.
        process: the process.
        exited: the function.

    Returns:
        A function that ends the watch.
    """
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        return _BySignal(reactor, process, exited).stop
    return _ByDescriptor(reactor, descriptor, exited).stop


@implementer(IReadDescriptor)
class _ByDescriptor:
    """A descriptor that becomes readable when the process ends."""

    def __init__(self, reactor: Any, descriptor: int, exited: Callable[[], None]) -> None:
        self._reactor = reactor
        self._fd = descriptor
        self._exited = exited
        reactor.addReader(self)

    def fileno(self) -> int:
        return self._fd

    def logPrefix(self) -> str:
        return "program"

    def doRead(self) -> None:
        self.stop()
        self._exited()

    def connectionLost(self, reason: Failure) -> None:
        self.doRead()

    def stop(self) -> None:
        if self._fd >= 0:
            self._reactor.removeReader(self)
            os.close(self._fd)
            self._fd = -1


class _BySignal:
    """An entry in Twisted's table of processes; Twisted calls `reapProcess` on each SIGCHLD."""

    def __init__(self, reactor: Any, process: Process, exited: Callable[[], None]) -> None:
        self._process = process
        self._exited = exited
        self._table: dict[int, Any] = cast("dict[int, Any]", reapProcessHandlers)
        self._table[process.pid] = self
        # It may have ended before it was in the table.
        reactor.callLater(0, self.reapProcess)

    def reapProcess(self) -> None:
        if self._is_watching() and self._process.poll() is not None:
            self.stop()
            self._exited()

    def stop(self) -> None:
        if self._is_watching():
            del self._table[self._process.pid]

    def _is_watching(self) -> bool:
        return self._table.get(self._process.pid) is self
