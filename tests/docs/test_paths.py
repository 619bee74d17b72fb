"""Every file and link that the docs name is there."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.command.test_commands import ROOT
from tests.support.pages import pages

# A path from the checkout stands in a literal; other paths are the reader's own.
FOLDERS = "accelerator|benchmarks|docs|newsfragments|tests|twisted|txws2"
NAMED = re.compile(rf"``((?:{FOLDERS})/[^`\s]*)``")
# A path in a table, a picture, a file that is shown, or a page that is linked to by its file.
SHOWN = re.compile(r"^ *\.\. (?:image|figure|literalinclude|include):: (\S+)$", re.MULTILINE)
LINKED = re.compile(r"`[^`<]*<(?!https?:|mailto:)([^`>]+\.\w+)>`_")


class PathTests(SynchronousTestCase):
    def test_the_paths_in_literals_exist(self):
        for page, text in pages().items():
            for path in NAMED.findall(text):
                pattern = re.sub(r"NAME|<\w+>|\.\.\.", "*", path)
                self.assertTrue(list(Path(ROOT).glob(pattern.rstrip("/"))), f"{page}: {path}")

    def test_what_is_shown_or_linked_to_exists(self):
        for page, text in pages().items():
            for path in SHOWN.findall(text) + LINKED.findall(text):
                self.assertTrue(Path(ROOT, page).parent.joinpath(path).exists(), f"{page}: {path}")

    def test_the_pages_in_the_project_s_texts_exist(self):
        """Docstrings and errors name pages by their files, as docs/howto/tls.rst."""
        for path in [*Path(ROOT, "txws2").rglob("*.py"), *Path(ROOT, "benchmarks").rglob("*.py")]:
            for page in re.findall(r"docs/[\w/-]+\.rst", path.read_text()):
                self.assertTrue(Path(ROOT, page).exists(), f"{path}: {page}")
