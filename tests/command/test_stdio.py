"""The standard streams of a command: open, closed, full, or without a reader."""

import os
import sys
from io import StringIO

from twisted.trial.unittest import SynchronousTestCase

from txws2._command.stdio import check_streams, say, show, unwritable


class Full(StringIO):
    """A stream that takes nothing."""

    def write(self, text):
        raise OSError("no space left")


class SayTests(SynchronousTestCase):
    def said(self, text):
        self.patch(sys, "stderr", StringIO())
        say(text)
        return sys.stderr.getvalue()

    def test_it_is_one_line_that_steers_nothing(self):
        self.assertEqual(self.said("one\ntwo\x1b[2J"), "one two\\x1b[2J\n")

    def test_nobody_needs_to_hear_it(self):
        self.patch(sys, "stdout", StringIO())
        for stderr in None, Full():
            self.patch(sys, "stderr", stderr)
            say("something")
        self.assertEqual(sys.stdout.getvalue(), "")


class ShowTests(SynchronousTestCase):
    def test_a_reader_that_has_left_is_no_error_now_or_at_the_end(self):
        for buffered in True, False:
            reader, writer = os.pipe()
            os.close(reader)
            with os.fdopen(writer, "w") as out:
                if not buffered:
                    out.reconfigure(write_through=True)
                self.patch(sys, "stdout", out)
                show("much\n")
                # Python does so when the process ends.
                out.write("more\n")
                out.flush()


class CheckTests(SynchronousTestCase):
    def check(self, *closed):
        """Check streams, these of them closed; return the error line and the opened streams."""
        opened = []

        def fstat(number):
            if number in closed:
                raise OSError("bad file descriptor")

        self.patch(os, "fstat", fstat)
        self.patch(os, "open", lambda path, flags: opened.append(path))
        return check_streams(), opened

    def test_mostly_all_are_open(self):
        self.assertEqual(self.check(), (None, []))

    def test_nobody_needs_stderr(self):
        self.assertEqual(self.check(2), (None, [os.devnull]))

    def test_without_stdout_there_is_nowhere_to_print(self):
        for closed in (1,), (0, 1, 2):
            told, opened = self.check(*closed)
            self.assertIn("standard output is closed", told)
            self.assertEqual(opened, [os.devnull] * len(closed))

    def test_without_stdin_there_is_nothing_to_read(self):
        told, opened = self.check(0)
        self.assertIn("standard input is closed", told)
        self.assertEqual(opened, [os.devnull])


class UnwritableTests(SynchronousTestCase):
    def open(self, path):
        number = os.open(path, os.O_WRONLY)
        self.addCleanup(os.close, number)
        return number

    def test_a_device_that_is_full(self):
        self.assertEqual(unwritable(self.open("/dev/full")), "No space left on device")

    def test_a_pipe_that_nobody_reads(self):
        reading, writing = os.pipe()
        os.close(reading)
        self.addCleanup(os.close, writing)
        self.assertIsNone(unwritable(writing))

    def test_a_pipe_that_is_full(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        os.set_blocking(writing, False)
        os.write(writing, bytes(2**20))
        self.assertEqual(unwritable(writing), "nobody reads them")

    def test_a_writable_output_is_full_for_a_moment_only(self):
        self.assertIn("for a moment", unwritable(self.open(os.devnull)))
