"""docs/topics/load-testing.rst: its script measures, and its command lines are right."""

import os
import re
import runpy
import shlex
import shutil
from pathlib import Path

from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from benchmarks import installing
from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2._command.arguments import parse_arguments
from txws2.tap import Options
from txws2.testing import ScriptedServer

PAGE = Path(ROOT, "docs", "topics", "load-testing.rst").read_text()
SCRIPT = str(Path(ROOT, "docs", "examples", "topics", "load.py"))
URI = "ws://localhost/"


class ScriptTests(SynchronousTestCase):
    def test_it_measures_how_long_answers_take(self):
        script = runpy.run_path(SCRIPT)

        async def answer(ws):
            async for message in ws:
                await deferLater(ws.factory.reactor, 0.1)
                await ws.send(message)

        with ScriptedServer(answer, at=URI) as server:
            measuring = server.reactor.start(script["load"](server.reactor, URI, 60, 1))
            for _ in range(30):
                server.reactor.advance(0.1)
            times = self.successResultOf(measuring)
        self.assertEqual(len(server.attempts), 60)
        self.assertGreaterEqual(len(times), 60 * 10)
        self.assertEqual({round(time, 3) for time in times}, {0.1})
        report = script["report"](times, 1)
        self.assertRegex(report, r"^6\d\d answers a second, p50 100.0 ms, p99 100.0 ms$")


class CommandTests(SynchronousTestCase):
    def lines(self, beginning):
        lines = "".join(blocks(PAGE, "shell")).splitlines()
        found = [line.removeprefix(beginning) for line in lines if line.startswith(beginning)]
        self.assertTrue(found)
        return found

    def test_those_of_the_load_generator(self):
        usage = Path(ROOT, "benchmarks", "load", "options.c").read_text()
        [kinds] = re.findall(r"usage: load (\S+) ", usage)
        options = re.findall(r'^    \{"([a-z-]+)", ', usage, re.M)
        for line in self.lines("build/bench/load "):
            kind, *arguments = shlex.split(line)
            self.assertIn(kind, kinds.split("|"))
            named = [word.removeprefix("--") for word in arguments if word.startswith("--")]
            self.assertEqual(set(named) - set(options), set())
        for name in re.findall(r"``--([a-z]+)``", PAGE):
            self.assertIn(name, [*options, "ping"])

    def test_the_load_generator_is_compiled_where_the_page_says(self):
        self.assertEqual(installing.LOAD, Path(ROOT, "build", "bench", "load"))
        self.lines("python -c 'from benchmarks.installing import prepare; prepare()'")
        self.assertTrue(callable(installing.prepare))

    def test_those_of_txws2(self):
        [line] = self.lines("twistd ws ")
        options = Options()
        options.parseOptions(shlex.split(line))
        self.assertEqual([place.path for place in options["echo"]], ["/"])
        [line] = self.lines("python -m txws2 ")
        self.assertTrue(parse_arguments(shlex.split(line)).ping)

    def test_the_script_takes_the_arguments_of_its_command_line(self):
        [line] = self.lines("taskset -c 1 python load.py ")
        self.assertEqual(
            len(line.split()), len(re.findall(r"sys\.argv\[\d\]", Path(SCRIPT).read_text()))
        )

    def test_programs_of_the_system_exist(self):
        for name in "ps", "taskset", "kill", "cat":
            self.assertTrue(shutil.which(name) or os.name != "posix", name)
