"""A checkout names in one sentence the package that it lacks, and finds a Twisted elsewhere."""

import subprocess
import sys
from pathlib import Path

from incremental import Version
from twisted.trial.unittest import SynchronousTestCase

from tests.command.test_commands import ROOT
from tests.project.test_oldest import needed
from txws2 import _prerequisites as prerequisites

ADVICE = (
    "in a checkout of txws2, `make run` makes .venv, whose .venv/bin/python has all that txws2 "
    "needs; `python -m pip install .` there installs txws2 into another environment"
)


def python(*arguments, path=ROOT):
    """Run this Python without its environment's variables; return its output and its errors."""
    command = [sys.executable, "-E", *arguments]
    done = subprocess.run(command, cwd=path, capture_output=True, text=True, timeout=60)
    return done.stdout, done.stderr


class CheckoutTests(SynchronousTestCase):
    """The folder of the project is the current one; each Python has other packages."""

    def test_without_twisted_the_last_line_says_what_to_do(self):
        # Without site, a Python has the standard library only.
        for arguments in (
            ("-c", "from txws2 import serve"),
            ("-c", "import txws2.client"),
            ("-m", "txws2"),
        ):
            _, err = python("-S", *arguments)
            self.assertIn(" has none of that name: in a checkout", err)
            self.assertTrue(err.endswith(f": {ADVICE}\n"), err)
            self.assertNotIn("During handling", err)

    def test_without_tls_the_last_line_says_what_to_do(self):
        for module in "OpenSSL", "service_identity":
            lost = f"import sys; sys.modules[{module!r}] = None; import txws2; txws2.serve"
            _, err = python("-c", lost)
            [last] = err.splitlines()[-1:]
            self.assertEqual(
                last,
                f"ModuleNotFoundError: txws2 needs the module {module!r}; {sys.executable} has "
                f"none of that name: {ADVICE}",
            )

    def test_a_twisted_elsewhere_on_the_path_is_found_behind_the_folder_with_the_plugins(self):
        import twisted

        elsewhere = str(Path(twisted.__file__).parent.parent)
        behind = f"import sys; sys.path[:] = [{ROOT!r}, {elsewhere!r}, *sys.path]; import txws2"
        out, err = python("-c", f"{behind}, twisted; print(twisted.__file__)", path="/")
        self.assertEqual((out, err), (f"{twisted.__file__}\n", ""))


class VersionTests(SynchronousTestCase):
    def said(self):
        return str(self.assertRaises(ImportError, prerequisites.check))

    def test_the_installed_versions_are_enough(self):
        prerequisites.check()

    def test_a_twisted_that_is_too_old_is_named_with_the_one_that_is_needed(self):
        import twisted

        self.patch(twisted, "version", Version("Twisted", 22, 4, 0))
        self.assertEqual(
            self.said(),
            f"txws2 needs Twisted 24.7, or later; {sys.executable} has 22.4.0: {ADVICE}",
        )

    def test_a_python_that_is_too_old_is_named_with_the_one_that_is_needed(self):
        self.patch(prerequisites.sys, "version_info", (3, 10, 12, "final", 0))
        self.assertEqual(
            self.said(),
            f"txws2 needs Python 3.11, or later; {sys.executable} has 3.10: "
            "in a checkout of txws2, name a Python as in make run PYTHON=python3.11",
        )

    def test_they_are_those_that_setup_cfg_asks_for(self):
        self.patch(prerequisites, "_OLDEST_TWISTED", (99, 1))
        self.assertIn("Twisted 99.1, or later", self.said())
        self.assertIn(">=3.11\n", Path(ROOT, "setup.cfg").read_text())
        self.assertEqual(needed()["twisted"], "24.7")
