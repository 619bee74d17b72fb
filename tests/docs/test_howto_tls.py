"""docs/howto/tls.rst shows code that works: its calls, and its table row by row."""

import re
from inspect import isfunction
from pathlib import Path

import twisted.internet
from twisted.trial.unittest import SynchronousTestCase

from tests.command.test_commands import ROOT
from tests.support.certificates import certify, make_pems
from tests.support.examples import blocks
from tests.support.printed import PrintedTestCase
from tests.support.resolving import ResolvingReactor
from tests.support.tls_matrix import ROWS

HOWTO = Path(ROOT, "docs", "howto", "tls.rst").read_text()
TABLE = re.findall(r"   \* - (.+\n(?:       .+\n)*)     - (.+\n(?:       .+\n)*)", HOWTO)


class TableTests(SynchronousTestCase):
    def test_it_has_each_row_of_the_tests_and_no_other(self):
        """Those that test_tls_matrix.py shows to be true."""
        shown = [(" ".join(title.split()), " ".join(words.split())) for title, words in TABLE]
        rows = [(row.title, row.words.format(host=row.name or row.host)) for row in ROWS]
        heading, *shown, last = [(title, words.replace("\\*", "*")) for title, words in shown]
        self.assertEqual(heading, ("The certificate, or the server", "Message"))
        self.assertEqual(shown, rows)
        self.assertEqual(last, ("The server speaks no TLS.", "the TLS handshake failed: ..."))


class CallTests(PrintedTestCase):
    def test_calls_are_made_with_options_that_there_are(self):
        reactor = ResolvingReactor()
        self.patch(twisted.internet, "reactor", reactor)
        folder = Path(self.mktemp())
        (folder / "authorities").mkdir(parents=True)
        for path in ("authority.pem", "authorities/one.pem"):
            (folder / path).write_bytes(certify("x.example")[1])
        (folder / "me.pem").write_bytes(b"".join(make_pems("me")))
        for block in blocks(HOWTO, "python"):
            block = block.replace("/etc/ssl/our-", f"{folder}/").replace(
                "me.pem", f"{folder}/me.pem"
            )
            calls = [each for each in self.run_printed(block).values() if isfunction(each)]
            self.assertTrue(calls)
            for call in calls:
                self.assertNoResult(call().addErrback(lambda _: None))
