"""docs/howto/twistd.rst shows code that works; test_howto_commands.py has its command lines."""

from pathlib import Path

import twisted.internet
from twisted.internet.endpoints import SSL4ServerEndpoint

from tests.command.test_commands import ROOT
from tests.support.certificates import make_pems
from tests.support.examples import blocks
from tests.support.printed import PrintedTestCase

[CERTIFICATE] = blocks(Path(ROOT, "docs", "howto", "twistd.rst").read_text(), "python")


class HowtoTests(PrintedTestCase):
    def test_a_server_has_the_certificate_of_two_files(self):
        self.patch(twisted.internet, "reactor", self.clock)
        for name, pem in zip(("fullchain.pem", "privkey.pem"), make_pems("a.example"), strict=True):
            Path(name).write_bytes(pem)
            self.addCleanup(Path(name).unlink)
        self.run_printed(CERTIFICATE)
        [(_, place, options)] = self.served
        self.assertEqual(place, ())
        self.assertIsInstance(options["endpoint"], SSL4ServerEndpoint)
