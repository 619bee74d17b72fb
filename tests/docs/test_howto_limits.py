"""docs/howto/limits.rst shows code that works."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import HTTPChannel

from tests.command.test_commands import ROOT
from tests.support.examples import blocks

[HEADS] = blocks(Path(ROOT, "docs", "howto", "limits.rst").read_text(), "python")


class HowtoTests(SynchronousTestCase):
    def test_the_limits_of_a_site_are_raised(self):
        for name in "MAX_LENGTH", "totalHeadersSize":
            self.patch(HTTPChannel, name, getattr(HTTPChannel, name))
        exec(HEADS, {})
        self.assertEqual((HTTPChannel.MAX_LENGTH, HTTPChannel.totalHeadersSize), (2**16, 2**16))
