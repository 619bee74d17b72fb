"""docs/examples/gallery/upload.py in memory."""

import json
from pathlib import Path

from twisted.internet.defer import maybeDeferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.gallery import example
from txws2.testing import joined

KEY = "0123456789abcdef" * 2


class UploadTests(SynchronousTestCase):
    def setUp(self):
        self.upload = example(self, "upload")
        self.patch(self.upload, "deferToThread", maybeDeferred)
        self.folder = Path(self.mktemp())
        self.uploads = self.upload.Uploads(self.folder, largest=1000)

    def announce(self, size, name="a.txt", key=KEY):
        both = self.enterContext(joined(self.uploads.handler))
        both.client.sendMessage(json.dumps({"name": name, "size": size, "key": key}))
        both.pump()
        return both

    def send(self, both, piece):
        both.client.sendMessage(piece)
        both.pump()

    def assertHears(self, both, **said):
        self.assertEqual(json.loads(both.result_of(both.client.recv())), said)

    def assertRefused(self, both, reason):
        both.pump()
        self.assertEqual((both.client.close_code, both.client.close_reason), (4000, reason))

    def assertFolder(self, **files):
        found = {path.name: path.read_text() for path in self.folder.iterdir()}
        self.assertEqual(found, files)

    def test_each_piece_is_acknowledged_and_the_file_gets_its_name_at_the_end(self):
        both = self.announce(5)
        self.assertHears(both, written=0)
        self.send(both, b"hel")
        self.assertHears(both, written=3)
        self.assertFolder(**{f"{KEY}.part": "hel"})
        self.send(both, b"lo")
        self.assertHears(both, saved="01234567 a.txt")
        self.assertFolder(**{"01234567 a.txt": "hello"})
        self.assertEqual(both.client.close_code, 1000)

    def test_an_empty_file_is_saved_at_once(self):
        self.assertHears(self.announce(0), saved="01234567 a.txt")

    def test_a_file_goes_on_where_it_was_also_after_a_restart_of_the_server(self):
        both = self.announce(5)
        self.send(both, b"hel")
        both.drop()
        self.uploads = self.upload.Uploads(self.folder)
        both = self.announce(5)
        self.assertHears(both, written=3)
        self.send(both, b"lo")
        self.assertHears(both, saved="01234567 a.txt")
        self.assertFolder(**{"01234567 a.txt": "hello"})

    def test_two_connections_never_write_the_same_file(self):
        self.announce(5)
        self.assertEqual(self.announce(5).client.close_code, 1013)

    def test_a_wrong_announcement_is_refused(self):
        reason = "expected a file of 0.0 MB at most"
        for size, key in (-1, KEY), (1001, KEY), (5, "../a"), (5, KEY + "\n"):
            self.assertRefused(self.announce(size, key=key), reason)
        for message in "hello", "[]", "[" * 100_000, b"\xff", '{"name": 1, "size": 1, "key": "x"}':
            both = self.enterContext(joined(self.uploads.handler))
            self.send(both, message)
            self.assertRefused(both, reason)
        self.assertFolder()

    def test_a_wrong_piece_is_refused(self):
        for piece in b"123456", "text":
            both = self.announce(5)
            self.send(both, piece)
            self.assertRefused(both, "this is no piece of the file")

    def test_silence_is_refused_and_the_file_can_be_sent_again(self):
        both = self.announce(5)
        both.advance(60)
        self.assertRefused(both, "nothing has come for a minute")
        self.assertHears(self.announce(5), written=0)

    def test_a_name_stays_in_the_folder(self):
        for name, safe in (
            ("../../etc/passwd", "passwd"),
            (r"C:\temp\a.txt", "a.txt"),
            ("..", "file"),
            (".bashrc", "bashrc"),
            ("", "file"),
            ("a\n\0\x1b[31mb\ud800<&>.txt", "a____31mb____.txt"),
            ("für Straße 7 (2).txt", "für Straße 7 (2).txt"),
            ("x" * 300 + ".txt", "x" * 56 + ".txt"),
        ):
            self.assertEqual(self.upload.safe(name), safe)
