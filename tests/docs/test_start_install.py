"""docs/start/install.rst says what is true."""

import configparser
import re
import shlex
import sys
from pathlib import Path

from tests.command.test_commands import ROOT, CommandTestCase
from tests.support.examples import blocks
from txws2 import _accelerator

PAGE = Path(ROOT, "docs", "start", "install.rst").read_text()
SHELL = "".join(blocks(PAGE, "shell")).splitlines()
COMMANDS = [shlex.split(line, comments=True) for line in SHELL if line]
# These are for those who change txws2.
FOR_DEVELOPERS = {"test", "docs", "dev", "bench", "fuzz", "wheels"}


class InstallTests(CommandTestCase):
    def test_the_targets_of_make_exist(self):
        targets = re.findall(r"^([\w-]+):", Path(ROOT, "Makefile").read_text(), re.MULTILINE)
        named = re.findall(r"``make (\w+)", PAGE)
        named += [command[1] for command in COMMANDS if command[0] == "make"]
        self.assertEqual(set(named), {"run", "wheels"})
        self.assertLessEqual(set(named), set(targets))

    def test_the_packages_of_each_extra(self):
        setup = configparser.ConfigParser()
        setup.read(Path(ROOT, "setup.cfg"))
        extras = {
            name: lines.split("\n")[1].lower()
            for name, lines in setup["options.extras_require"].items()
            if name not in FOR_DEVELOPERS
        }
        rows = re.findall(r"^   \* - ``(\w+)``\n     - (\S+)\n", PAGE, re.MULTILINE)
        self.assertEqual({name: package.lower() for name, package in rows}, extras)
        for name in FOR_DEVELOPERS:
            self.assertIn(f"``{name}``", PAGE)

    def test_the_command_that_tells_of_the_accelerator(self):
        self.assertIn(["python", "-m", "txws2", "--version"], COMMANDS)
        process = self.start(sys.executable, "-m", "txws2", "--version")
        process.ended.addCallback(
            lambda _: self.assertEqual(process.out, f"txws2 0.1.0 {_accelerator.about()}\n")
        )
        return process.ended

    def test_the_reasons_why_there_is_no_accelerator(self):
        source = Path(_accelerator.__file__).read_text()
        reasons = re.findall(r'why = "(.*)"', source)
        self.assertEqual(len(reasons), 2)
        for reason in *reasons, "it couldn't be compiled in this checkout, or nobody has tried yet":
            self.assertIn(f"   * - {reason}\n", PAGE)

    def test_no_other_programs_are_needed(self):
        programs = {command[0] for command in COMMANDS}
        self.assertEqual(programs, {"sudo", "make", ".", "python3", "pip", "python", "cd"})
