"""docs/howto/forward.rst shows code and files that work."""

from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2 import Request
from txws2.forward import Forward, Recorded, Targets, read_recording

PAGE = Path(ROOT, "docs", "howto", "forward.rst").read_text()
LINES, RECORDING = (f"{block.rstrip()}\n" for block in blocks(PAGE, "text"))


class HowtoTests(SynchronousTestCase):
    def file(self, text):
        path = Path(self.mktemp())
        path.write_text(text)
        return path

    def test_every_example_is_python(self):
        for block in blocks(PAGE, "python"):
            compile(block, "forward.rst", "exec")

    def test_the_lines_of_targets_are_read(self):
        targets = Targets(self.file(LINES), reactor=Clock())
        for token in "3mT9qLr6Wd1x", "Vb7Yk2HsQe0p":
            self.assertIsNotNone(targets(Request(f"/websockify?token={token}")))

    def test_the_recording_is_read(self):
        messages = list(read_recording(self.file(RECORDING)))
        self.assertEqual(messages[0], Recorded(0.004, False, b"RFB 003.008\n"))
        self.assertEqual([each.from_client for each in messages], [False, True, True])

    def test_the_addresses_are_addresses(self):
        for where in "tcp:localhost:5900", "unix:/run/vnc.sock", "ws://localhost:8001/chat":
            self.assertIn(where, PAGE)
            Forward(where, reactor=Clock())
