"""llms.txt lists all pages, and AGENTS.md names what is there."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import txws2
import txws2.testing
from tests.command.test_commands import ROOT
from tests.project.test_make import TARGETS
from tests.support.pages import pages

LLMS = Path(ROOT, "llms.txt").read_text()
AGENTS = Path(ROOT, "AGENTS.md").read_text()
LINK = re.compile(r"^- \[[^\]]+\]\(([^)]+)\): .+\.$", re.MULTILINE)


class LlmsTests(SynchronousTestCase):
    def test_it_is_the_one_that_the_pages_make(self):
        spec = spec_from_file_location("llms", Path(ROOT, "docs", "llms.py"))
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        self.assertEqual(LLMS, module.llms(), "python docs/llms.py writes it anew")

    def test_each_page_has_one_line(self):
        written = {path for path in pages() if re.match(r"docs/(performance|reliability)/", path)}
        expected = {path for path in pages() if path.startswith("docs/")} - written
        self.assertEqual(sorted(LINK.findall(LLMS)), sorted(expected - {"docs/index.rst"}))


class AgentsTests(SynchronousTestCase):
    literals = re.findall(r"`([^`]+)`", AGENTS)

    def test_the_files_that_it_names_are_there(self):
        named = [word for text in self.literals for word in text.split() if "/" in word]
        self.assertGreater(len(named), 8)
        for path in named:
            self.assertTrue(Path(ROOT, path).exists() or path.startswith(".venv/"), path)

    def test_its_targets_are_in_the_makefile(self):
        told = {text.split()[1] for text in self.literals if text.startswith("make ")}
        self.assertLessEqual(told, TARGETS)
        self.assertLessEqual({"run", "test", "unit", "check"}, told)

    def test_its_names_exist(self):
        for name in re.findall(r"txws2\.(\w+(?:\.\w+)?)", " ".join(self.literals)):
            found = txws2
            for part in name.split("."):
                found = getattr(found, part)
