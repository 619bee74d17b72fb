"""The ends of pipes: `Outlet` reads what a process prints, `Inlet` writes what it reads."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import IO, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2._deferreds.lean import Done
from txws2._deferreds.waiters import Waiters
from txws2._transport.lone_reader import note_other_read

__all__ = ["READ_SIZE", "Inlet", "Outlet"]

READ_SIZE = 64 * 1024
"""The bytes that are read at once; a pipe of Linux holds as many."""


class _End:
    """One end of a pipe, in the hands of the reactor."""

    def __init__(self, reactor: Any, pipe: IO[bytes]) -> None:
        self._reactor = reactor
        self._pipe = pipe
        self._fd = pipe.fileno()
        os.set_blocking(self._fd, False)

    def fileno(self) -> int:
        """Return the descriptor; -1 if it is closed."""
        return self._fd

    def logPrefix(self) -> str:
        """Name this object in Twisted's log."""
        return "program"

    def _close(self) -> None:
        self._fd = -1
        self._pipe.close()


@implementer(IReadDescriptor)
class Outlet(_End):
    """Reads the output of a process, unless it is paused.

    Args:
        reactor: the reactor.
        pipe: the pipe.
        receive: called with the bytes of each read.
        ended: called at the end of the output.

    Attributes:
        open: True until the end of the output, or `close`.
    """

    def __init__(
        self,
        reactor: Any,
        pipe: IO[bytes],
        receive: Callable[[bytes], None],
        ended: Callable[[], None],
    ) -> None:
        super().__init__(reactor, pipe)
        self._receive = receive
        self._ended = ended
        self.open = True
        self._wanted = True
        reactor.addReader(self)

    def doRead(self) -> None:
        """Read once."""
        note_other_read()
        try:
            data = os.read(self._fd, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._receive(data)
        else:
            self._end()

    def connectionLost(self, reason: Failure) -> None:
        """Take the end of the output, which the reactor has seen first."""
        self._end()

    def pauseProducing(self) -> None:
        """Read no more: the pipe fills, and the process waits."""
        if self.open and self._wanted:
            self._reactor.removeReader(self)

    def resumeProducing(self) -> None:
        """Read again."""
        if self.open:
            self._reactor.addReader(self)

    def stopProducing(self) -> None:
        """Do nothing; `discard` is for that."""

    def discard(self) -> None:
        """Read to the end, without pauses, and drop all: nobody wants it any more."""
        self._wanted = False
        self._receive = _drop
        self.resumeProducing()

    def drain(self) -> None:
        """Take what is here already, at the end."""
        while self.open:
            try:
                data = os.read(self._fd, READ_SIZE)
            except OSError:
                return
            if not data:
                return
            self._receive(data)

    def close(self) -> None:
        """Read no more, for good."""
        if self.open:
            self.open = False
            self._reactor.removeReader(self)
            self._close()

    def _end(self) -> None:
        if self.open:
            self.close()
            self._ended()


def _drop(data: bytes) -> None:
    """Take output that nobody wants."""


@implementer(IWriteDescriptor)
class Inlet(_End):
    """Writes the input of a process; each writer has to wait for `room` while it is busy.

    Args:
        reactor: the reactor.
        pipe: the pipe.

    Attributes:
        open: True as long as the process can get more.
        busy: True if bytes wait for the process to read.
        written: the number of bytes that the pipe has taken.
        refused: True if the process has closed its input, and bytes were dropped.
    """

    def __init__(self, reactor: Any, pipe: IO[bytes]) -> None:
        super().__init__(reactor, pipe)
        self.open = True
        self.busy = self.refused = False
        self.written = 0
        self._waiting = memoryview(b"")
        self._writers: Waiters[None] = Waiters()
        self._finishing = False

    def write(self, data: bytes) -> None:
        """Write; it mustn't be busy."""
        taken = self._give(data)
        if taken < len(data):
            self._waiting = memoryview(data)[taken:]
            self.busy = True
            self._reactor.addWriter(self)

    def room(self) -> Deferred[None]:
        """Return a Deferred that fires when it isn't busy any more."""
        return self._writers.wait() if self.busy else Done()

    def finish(self) -> None:
        """Close the pipe when all is written: the process sees the end of its input."""
        self._finishing = True
        if not self.busy:
            self.close()

    def doWrite(self) -> None:
        """Write as much as the pipe takes."""
        self._waiting = self._waiting[self._give(self._waiting) :]
        if not self._waiting and self.open:
            self._reactor.removeWriter(self)
            self._rest()

    def connectionLost(self, reason: Failure) -> None:
        """Take the end of the pipe: the process has closed its input."""
        self.refused = self.refused or self.busy
        self.close()

    def close(self) -> None:
        """Close the pipe; bytes that wait are dropped."""
        if self.open:
            self.open = False
            self._waiting = memoryview(b"")
            self._reactor.removeWriter(self)
            self._close()
            self._rest()

    def _give(self, data: bytes | memoryview) -> int:
        """Return the number of bytes that were taken; a process without input takes them all."""
        if self.open:
            try:
                taken = os.write(self._fd, data)
            except BlockingIOError:
                return 0
            except OSError:
                self.close()
            else:
                self.written += taken
                return taken
        self.refused = True
        return len(data)

    def _rest(self) -> None:
        self.busy = False
        while self._writers and not self.busy:
            self._writers.fire_one(None)
        if self._finishing and not self.busy:
            self.close()
