"""The workflows run targets of the Makefile, on the Pythons that are supported, with few rights."""

import os
import re
import subprocess
import sys
import tomllib
from configparser import ConfigParser

from twisted.trial.unittest import SynchronousTestCase

from tests.project.test_make import ROOT, TARGETS
from tests.pythons.finding import WANTED
from txws2._accelerator import load

WORKFLOWS = {path.stem: path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml")}


def matrix(text, name):
    """Return the values of a matrix that stand in one line."""
    return [
        value.strip("\"' ")
        for line in re.findall(rf"^ +{name}: \[(.+)\]$", text, re.MULTILINE)
        for value in line.split(",")
    ]


def single(text, name):
    """Return the values that each stand in a line of their own."""
    return re.findall(rf"^ +(?:- )?{name}: \"?([\w.-]+)\"?$", text, re.MULTILINE)


def commands(text):
    return re.findall(r"^ +- run: (.+)$", text, re.MULTILINE)


class WorkflowTests(SynchronousTestCase):
    def test_they_run_targets_of_the_makefile(self):
        run = set()
        for name, text in WORKFLOWS.items():
            for command in commands(text):
                if command == ".ci/run":
                    continue
                target = re.fullmatch(r"make ([a-z-]+|\$\{\{ matrix\.target \}\})( .+)?", command)
                self.assertIsNotNone(target, f"{name}: {command}")
                run.add(target[1])
            run.update(matrix(text, "target"), single(text, "target"))
        run.discard("${{ matrix.target }}")
        self.assertEqual(run - TARGETS, set())
        expected = {"unit", "without-accelerator", "oldest-unit", "sanitize", "pythons", "wheels"}
        self.assertLessEqual(expected, run)

    def test_each_supported_python_has_its_run(self):
        metadata = ConfigParser()
        metadata.read(ROOT / "setup.cfg")
        classifiers = metadata["metadata"]["classifiers"]
        supported = re.findall(r"Python :: (3\.\d+)$", classifiers, re.MULTILINE)
        run = {*matrix(WORKFLOWS["tests"], "python"), *single(WORKFLOWS["tests"], "python")}
        self.assertEqual(set(supported) - run, set())

    def test_those_that_run_the_core_alone_are_known_to_make_pythons(self):
        core = WORKFLOWS["tests"].partition("\n  core:\n")[2].partition("\n  sanitize:\n")[0]
        named = single(core, "python")
        self.assertTrue(named)
        self.assertLessEqual(set(named), set(WANTED))

    def test_actions_are_named_by_their_commits(self):
        for name, text in WORKFLOWS.items():
            for action in re.findall(r"uses: (.+)", text):
                self.assertRegex(action, r"^actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", name)

    def test_they_may_read_the_repository_and_nothing_else(self):
        for name, text in WORKFLOWS.items():
            rights = re.findall(r"^ *permissions:(.*\n(?: +.+\n)*)", text, re.MULTILINE)
            self.assertEqual(rights, ["\n  contents: read\n"], name)
            checkouts = text.count("actions/checkout@")
            self.assertEqual(text.count("persist-credentials: false"), checkouts, name)

    def test_each_job_has_an_end(self):
        for name, text in WORKFLOWS.items():
            self.assertEqual(text.count("timeout-minutes:"), text.count("runs-on:"), name)


class WheelTests(SynchronousTestCase):
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["cibuildwheel"]

    def test_the_tests_of_a_wheel_are_there_and_go_with_it(self):
        _, tests = self.options["test-command"]
        paths = [word for word in tests.split() if word.startswith("tests/")]
        self.assertTrue(paths)
        for path in (*paths, *self.options["test-sources"]):
            self.assertTrue((ROOT / path).exists(), path)

    def test_a_wheel_without_the_accelerator_fails_them(self):
        check, _ = self.options["test-command"]
        program = re.fullmatch(r"python -c '(.+)'", check)[1]
        command = [sys.executable, "-c", program]
        for variables, status in ({}, int(load() is None)), ({"TXWS2_NO_SPEEDUPS": "1"}, 1):
            environment = {**os.environ, **variables}
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True)
            self.assertEqual(done.returncode, status)
