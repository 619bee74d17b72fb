"""Processes that a test plays itself, with real pipes, and a reactor without time and sockets."""

import os
import select

from twisted.internet.task import Clock

from tests.support.descriptors import Descriptors
from txws2.programs import child as children

__all__ = ["PipeReactor", "ScriptedProcess", "play_processes"]


class PipeReactor(Descriptors, Clock):
    """A Clock that also reads and writes pipes, when the test says so."""

    def turn(self):
        """Let all read and write that can, once; return True if any did."""
        readable, writable, _ = select.select([*self.readers], [*self.writers], [], 0)
        for reader in readable:
            if reader in self.readers:
                reader.doRead()
        for writer in writable:
            if writer in self.writers:
                writer.doWrite()
        return bool(readable or writable)

    def rest(self):
        """Let all read and write until none can."""
        for _ in range(1000):
            if not self.turn():
                return
        raise AssertionError("the pipes don't come to rest")


class ScriptedProcess:
    """A process that the test plays.

    Attributes:
        signals: the signals that its group got, by name.
        waited: True once its status was taken.
    """

    _pids = iter(range(1_000_000, 2_000_000))

    def __init__(self, test, stdin=True):
        self.pid = next(self._pids)
        self.signals = []
        self.waited = False
        self._status = 0
        self._exited = None
        self._own = {}
        self.stdin = self._pipe(test, "stdin", write=True) if stdin else None
        self.stdout = self._pipe(test, "stdout", write=False)
        self.stderr = self._pipe(test, "stderr", write=False)

    def _pipe(self, test, name, write):
        reading, writing = os.pipe()
        ours, theirs = (writing, reading) if write else (reading, writing)
        os.set_blocking(theirs, False)
        self._own[name] = theirs
        test.addCleanup(self.close, name)
        file = os.fdopen(ours, "wb" if write else "rb", buffering=0)
        test.addCleanup(file.close)
        return file

    # The test calls these: the process does something.

    def prints(self, data, name="stdout"):
        os.write(self._own[name], data)

    def reads(self, size=1 << 20):
        """Return what is in its input; None at the end of it."""
        try:
            return os.read(self._own["stdin"], size) or None
        except BlockingIOError:
            return b""

    def close(self, *names):
        for name in names or list(self._own):
            if name in self._own:
                os.close(self._own.pop(name))

    def exits(self, status=0):
        """End it, with all its pipes."""
        self.close()
        self.leaves(status)

    def leaves(self, status=0):
        """End it; its children still have its pipes."""
        self._status = status
        exited, self._exited = self._exited, None
        exited()

    # `Child` calls these.

    def watch(self, exited):
        self._exited = exited
        return self.unwatch

    def unwatch(self):
        self._exited = None

    def wait(self):
        self.waited = True
        return self._status


def play_processes(test):
    """Have `Child` know the processes of the test; return them by pid."""
    processes = {}

    def watch_exit(reactor, process, exited):
        processes[process.pid] = process
        return process.watch(exited)

    def killpg(pid, number):
        processes[pid].signals.append(number.name)

    test.patch(children, "watch_exit", watch_exit)
    test.patch(children.os, "killpg", killpg)
    return processes
