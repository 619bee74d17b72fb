"""docs/howto/compression.rst shows code that works."""

from dataclasses import replace
from pathlib import Path

from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from tests.support.printed import PrintedTestCase
from txws2.wire.permessage_deflate import PRESETS

ECHO, LEVEL = blocks(Path(ROOT, "docs", "howto", "compression.rst").read_text(), "python")


class HowtoTests(PrintedTestCase):
    def test_a_server_has_options_of_its_own(self):
        both = self.join_printed(ECHO)
        both.client.sendMessage("hello" * 100)
        self.assertEqual(both.result_of(both.client.recv()), "hello" * 100)
        self.assertIn(
            "permessage-deflate", both.client.response.headers["Sec-WebSocket-Extensions"]
        )
        self.assertEqual(self.served[0][2]["compression"].level, 9)

    def test_another_level_is_balanced_otherwise(self):
        options = self.run_printed(LEVEL)["balanced_at_level_2"]
        self.assertEqual(options, replace(PRESETS["balanced"], level=2))
