"""`WatchedFile`: a file that is read again when it has changed."""

import os
from pathlib import Path

from twisted.logger import capturedLogs, formatEvent

from tests.support.sides import QuietTestCase
from txws2.server.watched_file import WatchedFile


class WatchedFileTests(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.path = self.directory / "names"
        self.path.write_text("ada\n")

    def watch(self, path):
        return WatchedFile(path, lambda path, lines: lines[0])

    def test_it_may_begin_with_a_byte_order_mark_as_on_windows(self):
        self.path.write_text("\ufeffada\n")
        self.assertEqual(self.watch(self.path).value(), "ada")

    def test_it_is_found_again_when_the_current_directory_has_changed(self):
        # twistd changes it (--rundir) after it has read its options.
        self.addCleanup(os.chdir, os.getcwd())
        path = os.path.relpath(self.path)
        watched = self.watch(path)
        self.path.write_text("grace\n")
        os.chdir("/")
        with capturedLogs() as events:
            self.assertEqual(watched.value(), "grace")
        # The log has the path that the operator has given.
        self.assertEqual(formatEvent(events[-1]), f"{path} was read again")
