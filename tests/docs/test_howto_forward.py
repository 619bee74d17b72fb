"""docs/howto/forward.rst shows code and files that work."""

from base64 import b64encode
from pathlib import Path

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from tests.support.printed import PrintedTestCase
from txws2 import Headers, Request
from txws2.forward import Forward, Recorded, Replay, Targets, read_recording

PAGE = Path(ROOT, "docs", "howto", "forward.rst").read_text()
SERVICE, SITE, TARGETS, TOKENS, FUNCTION, PROXY, REPLAY = blocks(PAGE, "python")
LINES, RECORDING = (f"{block.rstrip()}\n" for block in blocks(PAGE, "text"))


class HowtoTests(PrintedTestCase):
    def file(self, text):
        path = Path(self.mktemp())
        path.write_text(text)
        return path

    def test_a_service_has_a_port(self):
        self.run_printed(SERVICE)
        [(handler, place, options)] = self.served
        self.assertIsInstance(handler, Forward)
        self.assertEqual((place, options), (("localhost", 6080), {"compression": None}))

    def test_a_service_is_at_a_path_of_a_site(self):
        self.run_printed(SITE)
        [(site, place, _)] = self.served
        self.assertIsInstance(site.children[b"websockify"], txws2.WebSocketResource)
        self.assertEqual(place, ("localhost", 6080))

    def test_targets_are_in_files(self):
        lines = self.file(LINES)
        self.run_printed(TARGETS.replace("/etc/vnc-targets", str(lines)))
        key = self.file(b64encode(bytes(32)).decode())
        self.run_printed(TOKENS.replace("/etc/vnc-key", str(key)))

    def test_a_function_finds_the_address(self):
        find = self.run_printed(FUNCTION)["find"]
        request = Request("/", Headers({"Cookie": ["session=42"]}))
        self.assertEqual(self.successResultOf(ensureDeferred(find(request))), "localhost:5901")
        stranger = find(Request("/"))
        self.assertIsNone(self.successResultOf(ensureDeferred(stranger)))

    def test_another_server_and_a_recording_have_handlers(self):
        self.assertIsInstance(self.run_printed(PROXY)["handler"], Forward)
        recording = self.file(RECORDING)
        self.run_printed(REPLAY.replace("/var/lib/recordings/5f0c.jsonl", str(recording)))
        [(handler, _, _)] = self.served
        self.assertIsInstance(handler, Replay)

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
