"""The upload example in memory: names, room, and connections that come back."""

import json
import os
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from twisted.internet.defer import maybeDeferred
from twisted.trial.unittest import SynchronousTestCase

from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2.testing import joined

HOWTO = Path(ROOT, "docs", "howto", "uploads.rst")
KEY, OTHER = "0" * 32, "1" * 32


def example():
    """Return the example, as a module."""
    spec = spec_from_file_location("upload", Path(ROOT, "docs", "examples", "upload.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class UploadTestCase(SynchronousTestCase):
    def setUp(self):
        self.example = example()
        self.patch(self.example, "deferToThread", maybeDeferred)
        self.folder = Path(self.mktemp())

    def open(self, **limits):
        self.uploads = self.example.Uploads(self.folder, **limits)

    def connect(self):
        return self.enterContext(joined(self.uploads.handler))

    def announce(self, both, size, name="a.txt", key=KEY):
        both.client.sendMessage(json.dumps({"name": name, "size": size, "key": key}))
        both.pump()

    def started(self, size, name="a.txt", key=KEY, written=0):
        """Announce a file on a new connection; return that."""
        both = self.connect()
        self.announce(both, size, name, key)
        self.assertHears(both, written=written)
        return both

    def assertHears(self, both, **said):
        self.assertEqual(json.loads(both.result_of(both.client.recv())), said)

    def send(self, both, piece):
        both.client.sendMessage(piece)
        both.pump()

    def assertRefused(self, both, reason):
        both.pump()
        self.assertEqual((both.client.close_code, both.client.close_reason), (4000, reason))

    def assertFolder(self, **files):
        found = {path.name: path.read_text() for path in self.folder.iterdir() if path.is_file()}
        self.assertEqual(found, {name.replace("_", "."): text for name, text in files.items()})


class WritingTests(UploadTestCase):
    def setUp(self):
        super().setUp()
        self.open()

    def test_each_piece_is_acknowledged_and_the_file_gets_its_name_at_the_end(self):
        both = self.started(5)
        self.send(both, b"hel")
        self.assertHears(both, written=3)
        self.assertFolder()
        self.send(both, b"lo")
        self.assertHears(both, written=5)
        self.assertHears(both, saved="a.txt")
        self.assertFolder(a_txt="hello")
        self.assertEqual(both.client.close_code, 1000)
        self.assertEqual((self.uploads.running, self.uploads.saved), ({}, {}))

    def test_two_at_once_of_the_same_name_get_two_names(self):
        first, second = self.started(1), self.started(1, key=OTHER)
        for both, piece, saved in (first, b"1", "a.txt"), (second, b"2", "a (2).txt"):
            self.send(both, piece)
            self.assertHears(both, written=1)
            self.assertHears(both, saved=saved)
        self.assertEqual((self.folder / "a (2).txt").read_bytes(), b"2")

    def test_a_name_stays_in_the_folder(self):
        for name, safe in (
            ("../../etc/passwd", "passwd"),
            (r"C:\temp\a.txt", "a.txt"),
            ("..", "file"),
            (".bashrc", "bashrc"),
            (".parts", "parts"),
            ("", "file"),
            ("a\n\0\x1b[31mb\ud800<&>.txt", "a____31mb____.txt"),
            ("für Straße 7 (2).txt", "für Straße 7 (2).txt"),
            ("x" * 300 + ".txt", "x" * 56 + ".txt"),
        ):
            self.assertEqual(self.example.safe(name), safe)
            self.assertLess(len(os.fsencode(self.example.safe(name))), 255)


class ComingBackTests(UploadTestCase):
    def setUp(self):
        super().setUp()
        self.open()

    def test_written_data_is_not_sent_again_even_to_another_server(self):
        both = self.started(5)
        self.send(both, b"hel")
        both.drop()
        self.assertEqual(self.uploads.running, {})
        self.open()
        both = self.started(5, written=3)
        self.send(both, b"lo")
        self.assertFolder(a_txt="hello")

    def test_a_connection_that_is_not_known_to_be_broken_makes_way(self):
        old = self.started(5)
        new = self.connect()
        self.announce(new, 5)
        self.assertEqual(new.client.close_code, 1013)
        old.pump()
        self.assertEqual(old.client.close_code, 1006)
        self.started(5)

    def test_a_page_that_missed_the_confirmation_gets_it_when_it_is_back(self):
        keep = self.example.keep
        both = self.started(5)

        def keep_as_the_connection_breaks(*arguments):
            both.server_transport.abortConnection()
            return keep(*arguments)

        self.patch(self.example, "keep", keep_as_the_connection_breaks)
        self.send(both, b"hello")
        self.assertEqual(self.uploads.saved, {KEY: "a.txt"})
        both = self.connect()
        self.announce(both, 5)
        self.assertHears(both, saved="a.txt")
        self.assertEqual((both.client.close_code, self.uploads.saved), (1000, {}))

    def test_a_cancelled_file_is_gone_and_its_room_is_free(self):
        free = self.uploads.free
        both = self.started(5)
        self.send(both, b"hel")
        both.client.close(4001)
        both.pump()
        self.assertEqual(list((self.folder / ".parts").iterdir()), [])
        self.assertEqual(self.uploads.free, free)


class RefusalTests(UploadTestCase):
    def test_a_wrong_announcement_is_refused(self):
        self.open()
        for message in (
            "hello",
            b"\xff",
            "[]",
            '{"name": "a"}',
            f'{{"name": "a", "size": -1, "key": "{KEY}"}}',
            f'{{"name": "a", "size": 1.5, "key": "{KEY}"}}',
            f'{{"name": "a", "size": true, "key": "{KEY}"}}',
            f'{{"name": 7, "size": 1, "key": "{KEY}"}}',
            '{"name": "a", "size": 1, "key": "../a"}',
        ):
            both = self.connect()
            self.send(both, message)
            self.assertRefused(both, "This announces no file.")
        self.assertFolder()

    def test_a_file_that_is_too_large(self):
        self.open(max_file=2_500_000)
        both = self.connect()
        self.announce(both, 2_500_001)
        self.assertRefused(both, "A file may have 2.5 MB at most.")

    def test_more_than_there_is_room_for_with_those_that_are_on_their_way(self):
        self.folder.mkdir()
        (self.folder / "older").write_bytes(b"123")
        self.open(max_total=10)
        first = self.started(5)
        second = self.connect()
        self.announce(second, 3, key=OTHER)
        self.assertRefused(second, "The server has no room for it.")
        self.send(first, b"1")
        first.drop()
        # The first file has one byte already.
        self.started(6, key=OTHER)
        self.assertEqual(self.uploads.free, 0)

    def test_a_wrong_piece_is_refused(self):
        self.open()
        for piece in b"123456", "text":
            both = self.started(5)
            self.send(both, piece)
            self.assertRefused(both, "That is no piece of the file.")

    def test_silence(self):
        self.open()
        both = self.started(5)
        both.advance(60)
        self.assertRefused(both, "Nothing has come for a minute.")


class LargeMessageTests(SynchronousTestCase):
    def test_a_file_is_one_message_of_any_size(self):
        names = {}
        exec(blocks(HOWTO.read_text(), "python")[1], names)
        source, target = Path(self.mktemp()), Path(self.mktemp())
        source.write_bytes(os.urandom(3 * 2**20))
        received = lambda ws: names["receive_file"](ws, target)  # noqa: E731
        with joined(received, max_size=None) as both:
            both.result_of(names["send_file"](both.client, source))
            both.result_of(both.client.wait_closed())
        self.assertEqual(target.read_bytes(), source.read_bytes())
