"""All places that name the oldest supported versions agree."""

import re
from configparser import ConfigParser
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.command.test_commands import ROOT


def needed():
    """Return the oldest version of each distribution that setup.cfg asks for."""
    metadata = ConfigParser()
    metadata.read(Path(ROOT, "setup.cfg"))
    lines = metadata["options"]["install_requires"].split("\n")
    requirements = [line for line in lines if line and not line.startswith("#")]
    return dict(re.match(r"([\w.-]+)(?:\[\w+\])?>=(.+)", line).groups() for line in requirements)


def pinned():
    """Return the version of each distribution that `make oldest` runs the tests with."""
    lines = Path(ROOT, "tests", "oldest.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


class OldestTests(SynchronousTestCase):
    def test_the_required_versions_are_tested(self):
        found = pinned()
        for name, version in needed().items():
            self.assertIn(found[name], (version, f"{version}.0"), name)

    def test_the_readme_says_so(self):
        readme = Path(ROOT, "README.rst").read_text()
        self.assertIn(f"Twisted {needed()['twisted']}, or later", readme)

    def test_the_stability_policy_says_so(self):
        policy = Path(ROOT, "docs", "stability.rst").read_text()
        metadata = ConfigParser()
        metadata.read(Path(ROOT, "setup.cfg"))
        python = metadata["options"]["python_requires"].removeprefix(">=")
        for version in (python, needed()["twisted"]):
            self.assertIn(f"from {version} on", policy)
