"""docs/howto/tls.rst shows code that works: its calls, and its table row by row."""

import re
from pathlib import Path

from tests.command.test_commands import ROOT
from tests.docs.test_howto_connecting import CallTestCase
from tests.support.certificates import certify, make_pems
from tests.support.examples import blocks
from tests.support.tls_matrix import ROWS

HOWTO = Path(ROOT, "docs", "howto", "tls.rst").read_text()
TABLE = re.findall(r"   \* - (.+\n(?:       .+\n)*)     - (.+\n(?:       .+\n)*)", HOWTO)


class TableTests(CallTestCase):
    def test_it_has_each_row_of_the_tests_and_no_other(self):
        """Those that test_tls_matrix.py shows to be true."""
        shown = [(" ".join(title.split()), " ".join(words.split())) for title, words in TABLE]
        rows = [(row.title, row.words.format(host=row.name or row.host)) for row in ROWS]
        heading, *shown, last = [(title, words.replace("\\*", "*")) for title, words in shown]
        self.assertEqual(heading, ("The certificate, or the server", "Message"))
        self.assertEqual(shown, rows)
        self.assertEqual(last, ("The server speaks no TLS.", "the TLS handshake failed: ..."))


class TLSCallTests(CallTestCase):
    def test_calls_are_made_with_options_that_there_are(self):
        Path("authorities").mkdir()
        for path in ("authority.pem", "authorities/one.pem"):
            Path(path).write_bytes(certify("x.example")[1])
        Path("me.pem").write_bytes(b"".join(make_pems("me")))
        made = []
        for block in blocks(HOWTO, "python"):
            made += self.run_block(block.replace("/etc/ssl/our-", ""))
        self.assertEqual(len(made), 5)
