"""docs/topics/tuning.rst: each command line runs, and each name exists."""

import os
import re
import resource
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2._transport import capabilities
from txws2.server.server import _BACKLOG
from txws2.tap import Options

PAGE = Path(ROOT, "docs", "topics", "tuning.rst").read_text()
LINES = [line for block in blocks(PAGE, "shell") for line in block.splitlines() if line]
# Settings and commands of Linux; some containers hide settings.
LOOKS = ("ulimit", "prlimit", "sysctl", "ss", "nstat")


class LinuxTests(SynchronousTestCase):
    def setUp(self):
        if not sys.platform.startswith("linux"):
            raise SkipTest("the page is about Linux")

    def test_each_command_that_looks_at_the_system_runs(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "twistd.pid").write_text(str(os.getpid()))
        for line in LINES:
            program = line.split()[0]
            if program in LOOKS:
                if program != "ulimit" and not shutil.which(program):
                    raise SkipTest(f"there is no {program} here")
                run = subprocess.run(
                    ["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=False
                )
                self.assertEqual((run.returncode, run.stderr), (0, ""), line)
                self.assertTrue(run.stdout, line)

    def test_each_setting_exists(self):
        [settings] = blocks(PAGE, "ini")
        named = {line.partition(" = ")[0] for line in settings.splitlines() if line}
        named |= set(re.findall(r"``((?:net|fs)\.[\w.-]+)``", PAGE))
        self.assertGreater(len(named), 8)
        for name in named - {"net.netfilter.nf_conntrack_max"}:
            path = Path("/proc/sys", *name.split("."))
            self.assertTrue(path.exists(), name)


class NameTests(SynchronousTestCase):
    def test_every_other_command_is_known(self):
        rest = [line for line in LINES if line.split()[0] not in LOOKS]
        self.assertEqual([line.split()[0] for line in rest], ["twistd", "python", "python"])
        options = Options()
        options.parseOptions(shlex.split(rest[0].removeprefix("twistd -n ws ")))
        self.assertEqual(options["listen"], ["tcp:8000:backlog=4096"])
        self.assertEqual(rest[1], "python -m txws2 --version")
        exec(shlex.split(rest[2])[2].replace("print", ""), {})

    def test_the_backlog_and_the_options_of_sockets(self):
        self.assertIn(f"ask for {_BACKLOG}\nplaces", PAGE)
        self.assertTrue(hasattr(socket, "TCP_NODELAY"))
        self.assertIn("NOTSENT_LOWAT", Path(capabilities.__file__).read_text())

    def test_a_program_raises_its_own_limit(self):
        limits = []
        self.patch(resource, "setrlimit", lambda which, both: limits.append((which, both)))
        [block] = blocks(PAGE, "python")
        exec(block, {})
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self.assertEqual(limits, [(resource.RLIMIT_NOFILE, (hard, hard))])
