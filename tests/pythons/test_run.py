"""The report about the runs on each Python. These tests need no other Python."""

import sys
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess

from twisted.trial.unittest import SynchronousTestCase

from tests.pythons import run
from tests.pythons.finding import WANTED, Missing


class Pretended:
    """A Python on which some commands fail."""

    name, program, root, home, folder = "3.11", "python3.11", Path("/"), "/txws2", Path("/no/where")

    def __init__(self, failing=None, about="with the accelerator"):
        self.failing, self.about, self.ran = failing, about, []

    def run(self, *command, path="/", **variables):
        self.ran.append(command)
        shown = f"a warning\n{self.about}\n" if "-c" in command else "= 7 passed =\n"
        return CompletedProcess(command, int(self.failing in command), shown)


class RunTests(SynchronousTestCase):
    def told(self, *pythons, options=("--pythons", "3.11")):
        """Run the program where there are these Pythons; return its status and what it tells."""
        self.patch(run, "find", lambda name: iter(pythons))
        self.patch(run.shutil, "copytree", lambda *arguments, **options: None)
        self.patch(sys, "argv", ["run", "tests/wire", *options])
        self.patch(sys, "stdout", StringIO())
        status = self.assertRaises(SystemExit, run.main).code
        return status, sys.stdout.getvalue().rpartition("\n\n")[2].splitlines()

    def test_it_runs_with_the_accelerator_and_without(self):
        expected = ["with the accelerator: 7 passed"] * 2
        self.assertEqual(self.told(Pretended()), (False, expected))

    def test_it_runs_once_without_the_accelerator(self):
        expected = ["without the accelerator: 7 passed"]
        self.assertEqual(self.told(Pretended(about="without the accelerator")), (False, expected))

    def test_tests_that_fail_are_a_failure(self):
        self.assertEqual(self.told(Pretended("pytest"))[0], True)

    def test_a_failed_installation_is_a_failure(self):
        status, told = self.told(Pretended("pip"), Pretended())
        self.assertEqual((status, len(told)), (True, 4))
        self.assertIn("not installed", told[0])

    def test_a_python_that_is_left_out_is_reported_and_no_failure(self):
        status, told = self.told(options=())
        self.assertFalse(status)
        self.assertIn("3.11 left out: neither this machine has one", told[0])

        def missing(name):
            raise Missing("that of Debian needs root")

        self.patch(run, "find", missing)
        self.assertEqual(
            [*run.run("3.11", [], needed=False)],
            [(True, "3.11 left out: that of Debian needs root")],
        )

    def test_one_that_is_asked_for_by_name_and_left_out_is_a_failure(self):
        status, told = self.told()
        self.assertTrue(status)
        self.assertIn("3.11 left out: neither this machine has one", told[0])

    def test_those_are_wanted_that_the_package_says_it_runs_on(self):
        lines = (run.ROOT / "setup.cfg").read_text().splitlines()
        said = [line.rpartition(":: ")[2] for line in lines if ":: Python :: 3." in line]
        self.assertEqual([*said, "3.14t", "pypy3"], list(WANTED))
