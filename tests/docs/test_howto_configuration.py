"""docs/howto/configuration.rst shows files that are right."""

import sys
from pathlib import Path
from types import ModuleType

from tests.command.test_commands import ROOT
from tests.command.test_config_file import FileTestCase
from tests.support.examples import blocks

HOWTO = Path(ROOT, "docs", "howto", "configuration.rst").read_text()
ONE, SEVERAL, WRONG = blocks(HOWTO, "toml")
FIRST, THEN = blocks(HOWTO, "text")


class ConfigurationTests(FileTestCase):
    def test_one_server(self):
        [options] = self.parse(ONE)
        self.assertEqual(options["drain"], 60)
        self.assertEqual([place.path for place in options["app"]], ["/chat", "/news"])

    def test_several_servers(self):
        first, second = self.parse(SEVERAL)
        self.assertEqual((first["max-size"], second["max-size"]), (10 * 2**20, 100 * 2**20))
        self.assertEqual(second["listen"], ["tcp:8001:interface=127.0.0.1"])

    def assertTells(self, expected, text):
        """Assert that this is said about a file, beside which is a chat.py with a handler."""
        chat = ModuleType("chat")
        chat.handler = None
        self.patch(sys, "modules", {**sys.modules, "chat": chat})
        lines = " ".join(expected.split()).split("twistd ws: ")[1:]
        self.assertRefused([line.strip() for line in lines], text)

    def test_mistakes(self):
        self.assertTells(FIRST, WRONG)
        right = "\n".join(["", "", *WRONG.splitlines()[2:]])
        self.assertTells(THEN, right)
