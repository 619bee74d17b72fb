"""The Makefile: its targets are told at its head, and all that is named elsewhere is there."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
HEAD = MAKEFILE.partition("\n\n")[0]
TARGETS = set(re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)[1].split())
# A target that is only part of another.
PARTS = {"lint", "types", "docs", "packaging", "sanitized"}
# In pages, a command stands in a literal or in a block of its own.
COMMAND = re.compile(r"(?:``|^    |^# |^run: )make ([a-z-]+)", re.MULTILINE)


def pages():
    return [*ROOT.glob("*.rst"), *(ROOT / "docs").rglob("*.rst")]


class TargetTests(SynchronousTestCase):
    def test_each_is_described_at_the_head_of_the_makefile(self):
        self.assertEqual(set(COMMAND.findall(HEAD)), TARGETS - PARTS)

    def test_each_has_a_rule(self):
        rules = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
        self.assertEqual(rules, TARGETS)

    def test_those_that_a_page_names_exist(self):
        for page in pages():
            named = set(COMMAND.findall(page.read_text()))
            self.assertEqual(named - TARGETS, set(), page)

    def test_those_that_a_change_must_pass_exist(self):
        script = (ROOT / ".ci" / "run").read_text()
        named = set(re.findall(r"^make ([a-z-]+)", script, re.MULTILINE))
        wanted = {"test", "check", "without-accelerator", "oldest-unit", "conformance"}
        self.assertEqual(named, wanted)
        self.assertLessEqual(named, TARGETS)
