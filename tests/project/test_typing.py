"""Type checkers say nothing to users' right programs, and to wrong ones what is wrong.

The programs are in tests/typing. A line that ends with `# E: text` must have an error with that
text of mypy's, and one of pyright's; no other line may have any. mypy runs with the plugin for
zope.interface and without, as not everybody has it. basedpyright is pyright as a Python package.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

pytestmark = pytest.mark.typing

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "tests" / "typing"

# Errors in txws2 itself aren't shown, as they wouldn't be where it is installed.
CONFIG = f"""[mypy]
strict = true
mypy_path = {ROOT}
follow_imports = silent
untyped_calls_exclude = twisted
"""


def expected():
    """Generate the program, the line and the text of each error that is marked."""
    for path in sorted(PROGRAMS.glob("*.py")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            _, mark, text = line.partition("  # E: ")
            if mark:
                yield path.name, number, text


class TypingTests(SynchronousTestCase):
    def run_mypy(self, *lines):
        """Return the errors that it finds: program, line and text of each."""
        path = Path(self.mktemp())
        path.mkdir()
        (path / "mypy.ini").write_text(CONFIG + "\n".join(lines))
        command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", str(PROGRAMS)]
        run = subprocess.run(command, cwd=path, capture_output=True, text=True)
        self.assertEqual(run.stderr, "")
        errors = re.findall(r"(\w+\.py):(\d+): error: (.*)", run.stdout)
        return [(name, int(number), text) for name, number, text in errors]

    def run_pyright(self):
        """Return the program and the line of each error that it finds."""
        path = Path(self.mktemp())
        path.mkdir()
        settings = {
            "include": [str(PROGRAMS)],
            "extraPaths": [str(ROOT)],
            "typeCheckingMode": "standard",
        }
        (path / "pyrightconfig.json").write_text(json.dumps(settings))
        command = [sys.executable, "-m", "basedpyright", "-p", str(path), "--outputjson"]
        run = subprocess.run(
            [*command, "--pythonpath", sys.executable], capture_output=True, text=True
        )
        return {
            (Path(found["file"]).name, found["range"]["start"]["line"] + 1, found["message"])
            for found in json.loads(run.stdout)["generalDiagnostics"]
            if found["severity"] == "error"
        }

    def assertAsMarked(self, errors):
        marked = list(expected())
        self.assertGreater(len(marked), 20)
        self.assertEqual(
            {error for error in errors if error[:2] not in {mark[:2] for mark in marked}}, set()
        )
        for name, number, text in marked:
            found = [error for *place, error in errors if place == [name, number]]
            self.assertTrue(any(text in error for error in found), f"{name}:{number}: {found}")

    def test_with_the_plugin(self):
        self.assertAsMarked(self.run_mypy("plugins = mypy_zope:plugin"))

    def test_without_it(self):
        self.assertAsMarked(self.run_mypy())

    def test_with_pyright(self):
        errors = self.run_pyright()
        marked = {(name, number) for name, number, _ in expected()}
        self.assertEqual({error for error in errors if error[:2] not in marked}, set())
        self.assertEqual(marked - {(name, number) for name, number, _ in errors}, set())
