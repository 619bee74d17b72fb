"""The processes that the tests run, and their output."""

import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.trial.unittest import SkipTest

from tests.interop.forked import LIBRARIES, fork

HERE = Path(__file__).parent
PEERS = HERE / "peers"
ROOT = HERE.parent.parent


class ProcessLines(ProcessProtocol):
    """A process whose output is read line by line.

    Attributes:
        ended: fires with its exit status, or the signal's name, when it has ended.
        errors: the bytes that it has written to its standard error.
    """

    def __init__(self):
        self.ended = Deferred()
        self.errors = b""
        self._rest = b""
        self._lines = DeferredQueue()
        self._running = True

    def outReceived(self, data):
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._lines.put(line.decode())

    def errReceived(self, data):
        self.errors += data

    def processEnded(self, reason):
        self._running = False
        done = reason.check(ProcessDone)
        status = 0 if done else reason.value.signal or reason.value.exitCode
        self._lines.put(None)
        self.ended.callback(status)

    async def line(self):
        """Return the next line of its output."""
        line = await self._lines.get()
        if line is None:
            self._lines.put(None)
            raise AssertionError(f"the process has ended; it said:\n{self.errors.decode()}")
        return line

    async def lines(self):
        """Return the lines that were not read, once the process has ended."""
        await self._until_ended()
        return [line for line in [*self._lines.pending, self._rest.decode()] if line]

    def kill(self):
        """Kill the process, unless it has ended; return a Deferred that fires when it has."""
        if self._running:
            self.transport.signalProcess("KILL")
        return self._until_ended()

    def _until_ended(self):
        waiter = Deferred()
        if not self._running:
            waiter.callback(None)
        else:
            self.ended.addCallback(lambda status: waiter.callback(None) or status)
        return waiter


class Peer(ProcessLines):
    """A process that runs a script of peers/; each of its lines is an event that it saw."""

    async def saw(self):
        """Return the next event that it saw."""
        return json.loads(await self.line())

    async def stop(self):
        """Kill it; it must not have failed."""
        await self.kill()
        if b"Traceback" in self.errors:
            raise AssertionError(self.errors.decode())


def start(test, process, *command):
    """Start a process; it is killed when the test is over."""
    command = [str(word) for word in command]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    reactor.spawnProcess(process, command[0], command, environment, str(PEERS))
    test.addCleanup(getattr(process, "stop", process.kill))
    return process


def start_peer(test, library, role, *arguments):
    """Start the server or the client of a library."""
    if library == "ws":
        script, interpreter = PEERS / f"ws_{role}.js", shutil.which("node")
        if interpreter is None:
            raise SkipTest("Node.js is not installed")
        installed = _has_node_module("ws")
    else:
        script, interpreter = PEERS / f"{library}_{role}.py", sys.executable
        installed = find_spec(library) is not None
    if not installed:
        test.fail(f"{library} is not installed; `make test` installs it")
    if library not in LIBRARIES:
        return start(test, Peer(), interpreter, script, *arguments)
    peer = Peer()
    fork(peer, script, *arguments)
    test.addCleanup(peer.stop)
    return peer


def _has_node_module(name):
    paths = os.environ.get("NODE_PATH", "").split(os.pathsep)
    folders = [HERE / "node_modules", *(Path(path) for path in paths if path)]
    return any((folder / name).is_dir() for folder in folders)
