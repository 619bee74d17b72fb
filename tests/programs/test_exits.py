"""The end of a process, with a descriptor of it and without."""

import os
import sys

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from txws2.programs.command import Command
from txws2.programs.exits import watch_exit


class ExitTests(TestCase):
    def start(self, code):
        process = Command([sys.executable, "-c", code], None).start({})
        for pipe in (process.stdin, process.stdout, process.stderr):
            self.addCleanup(pipe.close)
        return process

    def lose_descriptors(self):
        """Have the system refuse a descriptor of a process."""
        if hasattr(os, "pidfd_open"):
            self.patch(os, "pidfd_open", lambda pid: os.open("/no/such", os.O_RDONLY))

    async def see_end(self):
        process = self.start("import sys; sys.stdin.read(); sys.exit(3)")
        ended = Deferred()
        stop = watch_exit(reactor, process, lambda: ended.callback(None))
        process.stdin.close()
        await ended
        stop()
        self.assertEqual(process.wait(), 3)

    async def test_it_is_told_once(self):
        await self.see_end()

    async def test_so_it_is_where_processes_have_no_descriptors(self):
        self.lose_descriptors()
        await self.see_end()

    def test_a_watch_can_be_ended(self):
        for watching in (True, False):
            if not watching:
                self.lose_descriptors()
            process = self.start("pass")
            stop = watch_exit(reactor, process, self.fail)
            stop()
            stop()
            process.wait()
