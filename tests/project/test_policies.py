"""The statements of CONTRIBUTING.rst and docs/stability.rst about the project are true."""

import re
from importlib import import_module

from twisted.trial.unittest import SynchronousTestCase

import txws2
from tests.project.test_make import ROOT

LITERAL = re.compile(r"``([^`]+)``")
DIRECTIVE = re.compile(r"^\.\. auto(class|function|data|module):: ([\w.]+)\n((?: +:.*\n)*)", re.M)


def documented():
    """Generate the full path of each public name that the reference documents, or a page."""
    pages = [path.read_text() for path in (ROOT / "docs").rglob("*.rst")]
    for kind, name, options in DIRECTIVE.findall("\n".join(pages)):
        full = name if name.startswith("txws2.") else f"txws2.{name}"
        if kind != "module":
            yield full
        elif ":members:" in options:
            yield from (f"{full}.{each}" for each in import_module(full).__all__)


class StabilityTests(SynchronousTestCase):
    def test_each_public_name_of_the_package_is_documented(self):
        names = {path.rpartition(".")[2] for path in documented()}
        self.assertEqual(set(txws2.__all__) - names, set())

    def test_no_documented_name_is_private_and_each_is_there(self):
        for path in documented():
            self.assertNotIn("._", path)
            module, _, name = path.rpartition(".")
            self.assertTrue(hasattr(import_module(module), name), path)

    def test_each_public_package_is_named(self):
        policy = (ROOT / "docs" / "stability.rst").read_text()
        for path in documented():
            package = ".".join(path.split(".")[:2])
            if path.count(".") > 1:
                self.assertIn(f"``{package}``", policy)


class ContributingTests(SynchronousTestCase):
    text = (ROOT / "CONTRIBUTING.rst").read_text()
    example = text.partition("Example: add a frame hook")[2].partition("\nMeasure\n")[0]

    def test_the_files_that_it_names_are_there(self):
        heading, *folders = re.findall(r"^([\w/]+) {2,}\S", self.text, re.MULTILINE)
        self.assertEqual(heading, "Folder")
        commands = re.findall(r"tests/[\w/]+\.py", self.text)
        literals = [text for text in LITERAL.findall(self.text) if "/" in text and " " not in text]
        named = {*folders, *commands, *literals}
        self.assertGreater(len(named), 20)
        self.assertEqual([name for name in named if not (ROOT / name).exists()], [])

    def test_the_names_in_the_steps_of_its_example_are_in_the_files_that_these_name(self):
        literals = set(LITERAL.findall(self.example)) - {"closeReceived"}
        files = [ROOT / name for name in literals if "/" in name and (ROOT / name).is_file()]
        sources = "".join(path.read_text() for path in files)
        names = {name for name in literals if name.isidentifier()}
        self.assertLessEqual({"pongReceived", "IWebSocketReceiver"}, names)
        self.assertEqual([name for name in names if name not in sources], [])
