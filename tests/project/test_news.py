"""NEWS.rst tells of this version, and newer notes can be added to it."""

import re
import tomllib
from importlib import import_module

from twisted.trial.unittest import SynchronousTestCase

import txws2
from tests.project.test_make import ROOT

NEWS = (ROOT / "NEWS.rst").read_text()
TOWNCRIER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]


class NewsTests(SynchronousTestCase):
    def test_the_first_release_in_it_is_this_version(self):
        releases = re.findall(r"^txws2 (\S+) \((?:unreleased|\d{4}-\d\d-\d\d)\)\n=+$", NEWS, re.M)
        self.assertEqual(releases[0], txws2.__version__)

    def test_towncrier_finds_the_place_for_the_next_one(self):
        before, found, _ = NEWS.partition(".. towncrier release notes start\n")
        self.assertTrue(found)
        self.assertNotIn(txws2.__version__, before)

    def test_the_modules_in_it_are_there(self):
        named = re.findall(r"``(txws2\.[\w.]+)``", NEWS)
        self.assertGreater(len(named), 5)
        for name in named:
            import_module(name)

    def test_each_fragment_has_a_kind(self):
        kinds = {each["directory"] for each in TOWNCRIER["type"]}
        for path in (ROOT / TOWNCRIER["directory"]).iterdir():
            if path.name != "README.rst":
                word, kind, suffix = path.name.rsplit(".", 2)
                self.assertTrue(word.startswith("+"), path.name)
                self.assertIn(kind, kinds, path.name)
                self.assertEqual(suffix, "rst", path.name)
