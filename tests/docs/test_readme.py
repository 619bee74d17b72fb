"""The programs, options, names and figures of README.rst are right."""

import json
import os
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import twisted.internet
from twisted.trial.unittest import SynchronousTestCase

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import ExampleTestCase, blocks, free_port
from tests.support.printed import PrintedTestCase
from txws2.testing import joined

README = Path(ROOT, "README.rst").read_text()
# The page on installing says that txws2 isn't found by its name.
INSTALL = re.compile(r"pip install (?!txws2`` doesn't)'?([^\s'`]+)")


class ExampleTests(ExampleTestCase):
    async def test_the_server_answers_the_client(self):
        server_block, client_block, _ = blocks(README, "python")
        port = free_port()
        server = self.run_block(server_block, port)
        await self.until_somebody_listens(port)
        client = self.run_block(client_block, port)
        await client.ended
        self.assertEqual((client.out, client.err, client.status), ("Hello!\n", "", 0))
        self.assertRegex(server.err, rf"^(.+ listening on ws://.+:{port}/\n)+$")


class FrontPageTests(SynchronousTestCase):
    def test_the_front_page_of_the_docs_has_the_same_server(self):
        [server] = blocks(Path(ROOT, "docs", "index.rst").read_text(), "python")
        self.assertEqual(server, blocks(README, "python")[0])


class PushTests(PrintedTestCase):
    def test_the_push_server_sends_back_what_it_gets(self):
        self.patch(twisted.internet, "reactor", self.clock)
        self.run_printed(blocks(README, "python")[2])
        [(factory, place, _)] = self.served
        self.assertEqual(place, ("localhost", 8000))
        with joined(factory) as both:
            both.client.sendMessage("hello")
            self.assertEqual(both.result_of(both.client.recv()), "hello")


class ShellTests(SynchronousTestCase):
    def test_the_line_of_twistd_works_in_the_checkout(self):
        lines = "".join(blocks(README, "shell")).splitlines()
        [line] = [line for line in lines if "twistd" in line]
        self.assertNotIn("--listen", line)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", line.replace(" ws ", " ws --check-config ")],
            cwd=ROOT,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_arguments_of_pip_are_in_the_checkout_and_the_extras_exist(self):
        setup = ConfigParser()
        setup.read(Path(ROOT, "setup.cfg"))
        pages = [Path(ROOT, "README.rst"), *Path(ROOT, "docs").rglob("*.rst")]
        texts = [*pages, *Path(ROOT, "txws2").rglob("*.py")]
        told = [what for path in texts for what in INSTALL.findall(path.read_text())]
        self.assertLessEqual({".", ".[fast]", ".[metrics]"}, set(told))
        for what in told:
            self.assertNotRegex(what, "^txws2")
            if match := re.fullmatch(r"\.\[(.+)\]", what):
                for extra in match[1].split(","):
                    self.assertIn(extra, setup["options.extras_require"])

    def test_the_verdicts_of_the_autobahn_testsuite_are_those_that_are_expected(self):
        expected = json.loads(Path(ROOT, "tests/conformance/expected.json").read_text())
        counted = re.search(
            r"has (\d+) cases\. .+?, (\d+) are OK and (\d+) are\s+info", README, re.S
        )
        for side in ("server", "client"):
            verdicts = [set(both) for both in expected[side].values()]
            okay, informational = verdicts.count({"OK"}), len(verdicts) - verdicts.count({"OK"})
            self.assertEqual([len(verdicts), okay, informational], [*map(int, counted.groups())])
            self.assertTrue(all(each <= {"OK", "INFORMATIONAL"} for each in verdicts))

    def test_all_that_is_named_is_there(self):
        names = re.findall(r"``(serve|run|connect|\w+Factory|\w+Protocol)``", README)
        self.assertTrue(names)
        for name in names:
            self.assertTrue(hasattr(txws2, name), name)
