"""The server that is attacked: `twistd ws` in a process of its own, whose memory is watched."""

import os
import re
import resource
import sys
from pathlib import Path
from time import monotonic

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest

from tests.interop.peer_process import ProcessLines, start
from tests.interop.raw_client import memory_of, need_memory

TWISTD = Path(sys.executable).with_name("twistd")
LISTENING = re.compile(r"listening on (ws://127\.0\.0\.1:(\d+)/)")
LOUD = re.compile(r"#(?:warn|error|critical)\]|Traceback|Unhandled")
APPLICATION = "tests.faults.applications:application"
# The seconds between two looks at the process: the system sends no event when its figures change.
PAUSE = 0.05
PATIENCE = 20


async def until(holds):
    """Wait until a condition holds, by asking again and again."""
    deadline = monotonic() + PATIENCE
    while not holds():
        if monotonic() > deadline:
            raise AssertionError("it doesn't come to hold")
        await deferLater(reactor, PAUSE)


class Victim(ProcessLines):
    """The server's process.

    Attributes:
        uri: the URI of the server.
        port: the port of that URI.
    """

    async def until_it_listens(self):
        """Wait until the server logs its URI."""
        found = None
        while found is None:
            found = LISTENING.search(await self.line())
        self.uri, self.port = found[1], int(found[2])

    @property
    def memory(self):
        """The bytes of memory that the process has now."""
        return memory_of(self, "VmRSS")

    @property
    def peak(self):
        """The most bytes of memory that the process has had since `forget_peak`."""
        return memory_of(self, "VmHWM")

    @property
    def descriptors(self):
        """The number of files that the process has open."""
        return len(os.listdir(self._directory))

    def forget_peak(self):
        """Reset the peak to the memory that the process has now."""
        Path(f"/proc/{self.transport.pid}/clear_refs").write_text("5")

    def limit_descriptors(self, number):
        """Limit the number of files that the process may open."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.prlimit(self.transport.pid, resource.RLIMIT_NOFILE, (number, hard))

    async def until_descriptors(self, number):
        """Wait until the process has at most this number of files open."""
        try:
            await until(lambda: self.descriptors <= number)
        except AssertionError as exc:
            files = [os.readlink(entry) for entry in os.scandir(self._directory)]
            exc.add_note(f"more than {number} files are open: {files}")
            raise

    @property
    def _directory(self):
        return f"/proc/{self.transport.pid}/fd"

    async def end(self):
        """End the process as an operator does; return its warnings and errors from the log."""
        self.transport.signalProcess("TERM")
        status = await self.ended
        said = [*await self.lines(), *self.errors.decode().splitlines()]
        if status != 0:
            raise AssertionError("\n".join([f"it ended with {status}:", *said[-40:]]))
        return [line for line in said if LOUD.search(line)]


async def start_victim(test, *options, app=APPLICATION, port=0):
    """Start a server, which is killed when the test is over."""
    need_memory()
    command = [TWISTD, "-n", "--pidfile=", "ws", "--listen", f"tcp:{port}:interface=127.0.0.1"]
    if app is not None:
        command += ["--app", app]
    victim = start(test, Victim(), *command, *options)
    await victim.until_it_listens()
    return victim


def need_descriptors(test, number):
    """Let this process and its children open this number of files, or skip the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        raise SkipTest(f"only {hard} files may be open; this needs {number}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    test.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
