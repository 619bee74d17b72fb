"""Processes that are forked from one which has imported the peers' libraries already.

Each peer still is a process of its own. This saves the third of a second in which Python imports
Twisted and Autobahn, or aiohttp. The first peer starts the process that forks, which ends with the
tests.
"""

import contextlib
import multiprocessing
import os
import runpy
import signal
import sys

from twisted.internet import reactor
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.process import ProcessReader
from twisted.python.failure import Failure

LIBRARIES = {
    "aiohttp": ["aiohttp.web"],
    # These don't import the reactor, which a child must not inherit.
    "autobahn": ["autobahn.twisted.websocket", "twisted.internet.epollreactor"],
    "websockets": ["websockets.asyncio.client", "websockets.asyncio.server"],
}

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(
    ["runpy", __name__, *(module for modules in LIBRARIES.values() for module in modules)]
)


def fork(protocol, script, *arguments):
    """Run a script with these arguments in a process that a `ProcessProtocol` observes."""
    Forked(protocol, str(script), [str(argument) for argument in arguments])


class Forked:
    """The transport of a process that was forked; it writes only."""

    def __init__(self, protocol, script, arguments):
        self._protocol = protocol
        self._open = {1, 2}
        ours, theirs = zip(*(_forking.Pipe(duplex=False) for _ in self._open), strict=True)
        self._process = _forking.Process(target=_run, args=(script, arguments, *theirs))
        self._process.start()
        for number, reading, writing in zip((1, 2), ours, theirs, strict=True):
            writing.close()
            ProcessReader(reactor, self, number, os.dup(reading.fileno()))
            reading.close()
        protocol.makeConnection(self)

    @property
    def pid(self):
        """The process's number; None once it has ended."""
        return self._process.pid

    def signalProcess(self, name):
        """Send the process a signal."""
        if not self._open:
            raise ProcessExitedAlready
        # The process may have ended without our being told yet.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, getattr(signal, f"SIG{name}"))

    def childDataReceived(self, number, data):
        """Pass on the process's output."""
        self._protocol.childDataReceived(number, data)

    def childConnectionLost(self, number, reason):
        """Note that a stream is closed; when both are, the process has ended."""
        self._open.remove(number)
        if not self._open:
            self._process.join()
            self._protocol.processEnded(Failure(_end(self._process.exitcode)))


def _end(status):
    if status == 0:
        return ProcessDone(0)
    return ProcessTerminated(max(status, 0), max(-status, 0) or None, status)


def _run(script, arguments, out, errors):
    """Run the script in this process, as Python would."""
    for number, pipe in enumerate((out, errors), 1):
        os.dup2(pipe.fileno(), number)
        pipe.close()
    folder = os.path.dirname(script)
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")
