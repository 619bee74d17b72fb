"""tests.support.contained, with which make runs the tests, leaves no process behind."""

import os
import shutil
import signal
import subprocess
import sys

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.project.test_make import MAKEFILE, ROOT

CONTAINED = [sys.executable, "-m", "tests.support.contained"]
# A process with a session of its own, as of a daemon; its end is that of its output.
LEAVES = 'setsid sleep 1000 > /dev/null & echo "$!"; '


class ContainedTests(SynchronousTestCase):
    def setUp(self):
        if sys.platform != "linux" or shutil.which("setsid") is None:
            raise SkipTest("only Linux has processes that adopt others")

    def start(self, script):
        """Run a script; return the process, and the id of the one that it leaves."""
        command = [*CONTAINED, "sh", "-c", LEAVES + script]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process, int(process.stdout.readline())

    def assertEnded(self, pid):
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    def test_the_status_is_that_of_the_command_and_what_it_left_is_ended(self):
        process, left = self.start("exit 3")
        self.assertEqual(process.wait(60), 3)
        self.assertEnded(left)

    def test_a_signal_interrupts_the_command_and_ends_all(self):
        process, left = self.start("exec sleep 1000")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 128 + signal.SIGINT)
        self.assertEnded(left)

    def test_a_killed_command_leaves_none_either(self):
        process, left = self.start("kill -KILL $$")
        self.assertEqual(process.wait(60), 128 + signal.SIGKILL)
        self.assertEnded(left)

    def test_make_runs_the_tests_with_it(self):
        for target in "test", "unit", "quick", "without-accelerator":
            recipe = MAKEFILE.partition(f"\n{target}: ")[2].partition("\n\n")[0]
            self.assertIn("$(PYTEST)", recipe)
        self.assertIn("PYTEST = $(BIN)/python -m tests.support.contained", MAKEFILE)
