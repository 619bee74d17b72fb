"""The gallery is complete: each example has a page, a picture and a card, and starts as printed."""

import re
import runpy
import sys
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource

import txws2
from tests.command.test_commands import ROOT
from tests.support.gallery import GALLERY, example
from txws2.testing import MemoryReactor

PAGES = Path(ROOT, "docs", "gallery")
INDEX = (PAGES / "index.rst").read_text()
NAMES = sorted(path.stem for path in PAGES.glob("*.rst") if path.stem != "index")


class IndexTests(SynchronousTestCase):
    def test_the_index_has_a_card_and_a_picture_of_each_page(self):
        cards = re.findall(r"\.\. figure:: pictures/(\w+)\.png\n +:target: (\w+)\.html\n", INDEX)
        self.assertEqual(sorted(cards), [(name, name) for name in NAMES])
        self.assertEqual(sorted(re.findall(r"^   (\w+)$", INDEX, re.MULTILINE)), NAMES)

    def test_each_picture_is_shown_on_its_page_and_is_small(self):
        pictures = sorted((PAGES / "pictures").iterdir())
        self.assertEqual([path.name for path in pictures], [f"{name}.png" for name in NAMES])
        for path in pictures:
            self.assertLess(path.stat().st_size, 60_000, path.name)
            self.assertIn(f"pictures/{path.name}", (PAGES / f"{path.stem}.rst").read_text())

    def test_each_file_is_shown_on_a_page_and_has_two_screens_at_most(self):
        shown = {
            name
            for page in PAGES.glob("*.rst")
            for name in re.findall(
                r"literalinclude:: \.\./examples/gallery/(\S+)", page.read_text()
            )
        }
        files = [path for path in GALLERY.iterdir() if path.is_file()]
        self.assertEqual(shown, {path.name for path in files})
        for path in files:
            self.assertLess(len(path.read_text().splitlines()), 130, path.name)

    def test_pages_load_nothing_from_elsewhere(self):
        for path in GALLERY.glob("*.html"):
            self.assertNotRegex(path.read_text(), r"https?://|//\w+\.|innerHTML", path.name)


class MainTests(SynchronousTestCase):
    """`python NAME.py` serves on the port that the text names."""

    def setUp(self):
        example(self, "jsonrpc")
        self.patch(sys, "argv", ["example"])

    def start(self, name):
        """Run an example as Python does, with a reactor in memory; return the arguments of run."""
        with (
            MemoryReactor() as reactor,
            patch.object(txws2, "run") as run,
            patch("resource.setrlimit"),
        ):
            runpy.run_path(str(GALLERY / f"{name}.py"), run_name="__main__")
            reactor.advance(3)
        [arguments] = [call.args for call in run.call_args_list]
        return arguments

    def test_the_servers(self):
        for name in (
            "chat",
            "dashboard",
            "jsonrpc_server",
            "market",
            "tokens",
            "upload",
            "feed_server",
        ):
            target, *place = self.start(name)
            self.assertEqual(place, ["localhost", 8000])
            self.assertTrue(IResource.providedBy(target) or callable(target), name)

    def test_the_programs(self):
        for name in "jsonrpc_client", "market_load", "shell", "shell_client", "tokens_client":
            [main] = self.start(name)
            self.assertTrue(callable(main))
