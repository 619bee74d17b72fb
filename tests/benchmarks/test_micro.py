"""The benchmarks of the protocol core name modules that are there."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.micro import conftest


class MicroTests(SynchronousTestCase):
    def test_the_modules_are_loaded_by_the_last_part_of_their_names(self):
        for implementation in "pure", "accelerated":
            wire = conftest.load(implementation)
            for name in conftest.MODULES:
                module = getattr(wire, name.rpartition(".")[2])
                self.assertEqual(module.__name__, f"txws2.wire.{name}")

    def test_no_other_is_asked_for(self):
        known = {name.rpartition(".")[2] for name in conftest.MODULES}
        folder = Path(conftest.__file__).parent
        text = "".join(path.read_text() for path in folder.glob("test_*.py"))
        self.assertEqual(set(re.findall(r"(?<!\.)\bwire\.(\w+)\.", text)), known)
