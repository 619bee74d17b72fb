"""docs/howto/broadcast.rst shows code that works."""

from pathlib import Path

from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from tests.support.printed import PrintedTestCase

[CHAT] = blocks(Path(ROOT, "docs", "howto", "broadcast.rst").read_text(), "python")


class HowtoTests(PrintedTestCase):
    def test_a_message_goes_to_all(self):
        factory = self.serve_printed(CHAT)
        one, another = self.join_printed(factory), self.join_printed(factory)
        one.client.sendMessage("hello")
        one.pump()
        for both in one, another:
            self.assertEqual(both.result_of(both.client.recv()), "hello")
