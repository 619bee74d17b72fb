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
# What the operating system tells of a process, it tells only those who ask.
PAUSE = 0.05
PATIENCE = 20


async def until(holds):
    """Wait until this holds; it isn't told by any event."""
    deadline = monotonic() + PATIENCE
    while not holds():
        if monotonic() > deadline:
            raise AssertionError("it doesn't come to hold")
        await deferLater(reactor, PAUSE)


class Victim(ProcessLines):
    """The server's process.

    Attributes:
        uri: where it listens.
        port: the port of it.
    """

    async def until_it_listens(self):
        """Wait until it says where."""
        found = None
        while found is None:
            found = LISTENING.search(await self.line())
        self.uri, self.port = found[1], int(found[2])

    @property
    def memory(self):
        """Bytes of memory that it has."""
        return memory_of(self, "VmRSS")

    @property
    def peak(self):
        """Bytes of memory that it has had at most since `forget_peak`."""
        return memory_of(self, "VmHWM")

    @property
    def descriptors(self):
        """How many files it has open."""
        return len(os.listdir(self._directory))

    def forget_peak(self):
        """Have the peak start from what it has now."""
        Path(f"/proc/{self.transport.pid}/clear_refs").write_text("5")

    def limit_descriptors(self, number):
        """Let it open no more files than this."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.prlimit(self.transport.pid, resource.RLIMIT_NOFILE, (number, hard))

    async def until_descriptors(self, number):
        """Wait until it has no more files open than this."""
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
        """Have it end as an operator does; return what it has logged that is loud."""
        self.transport.signalProcess("TERM")
        status = await self.ended
        said = [*await self.lines(), *self.errors.decode().splitlines()]
        if status != 0:
            raise AssertionError("\n".join([f"it ended with {status}:", *said[-40:]]))
        return [line for line in said if LOUD.search(line)]


async def start_victim(test, *options, app=APPLICATION, port=0):
    """Start a server; it is killed when the test is over."""
    need_memory()
    command = [TWISTD, "-n", "--pidfile=", "ws", "--listen", f"tcp:{port}:interface=127.0.0.1"]
    if app is not None:
        command += ["--app", app]
    victim = start(test, Victim(), *command, *options)
    await victim.until_it_listens()
    return victim


def need_descriptors(test, number):
    """Let this process, and those that it starts, open so many files, or skip the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        raise SkipTest(f"only {hard} files may be open; this needs {number}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    test.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
