"""The command line of `python -m txws2`."""

import re
import shlex
import sys
from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.examples import blocks
from txws2._command.arguments import parse_arguments, parse_replay

ROOT = Path(__file__).parents[2]


class ArgumentTests(SynchronousTestCase):
    def setUp(self):
        self.patch(sys, "stdout", StringIO())
        self.patch(sys, "stderr", StringIO())

    def exit_status(self, *arguments):
        return self.assertRaises(SystemExit, parse_arguments, arguments).code

    def assertWrong(self, words, *arguments):
        self.assertEqual(self.exit_status("ws://example.com/", *arguments), 2)
        self.assertIn(words, sys.stderr.getvalue())

    def test_a_header_has_a_name_and_a_value(self):
        options = parse_arguments(["ws://h/", "--header", "X-One: 1", "-H", "X-Two:a:b"])
        self.assertEqual(options.header, [("X-One", "1"), ("X-Two", "a:b")])
        self.assertWrong("'one' isn't of the form NAME:VALUE", "--header", "one")

    def test_a_timeout_is_a_number_of_seconds_or_a_time(self):
        for text, seconds in {"2.5": 2.5, "500ms": 0.5, "10s": 10, "1m": 60}.items():
            self.assertEqual(parse_arguments(["ws://h/", "-t", text]).timeout, seconds)
        for wrong in "0", "-1", "nan", "inf", "soon":
            self.assertWrong(
                "-t/--timeout: must be a number of seconds, more than 0, as 10, 10s, 500ms or 2m; "
                f"it is {wrong!r}",
                f"--timeout={wrong}",
            )

    def test_a_mistake_is_one_line(self):
        self.assertWrong("--max-size", "--max-size=1XB")
        self.assertEqual(sys.stderr.getvalue().count("\n"), 1)

    def test_it_may_go_on_for_ever_after_the_input(self):
        for text, seconds in {"0": 0, "2.5": 2.5, "30s": 30, "inf": float("inf")}.items():
            self.assertEqual(parse_arguments(["ws://h/", "--wait", text]).wait, seconds)
        for wrong in "-1", "nan", "soon":
            self.assertWrong(f"2m, or inf; it is {wrong!r}", f"--wait={wrong}")

    def test_a_size_is_a_number_of_bytes_or_has_a_unit_or_is_none(self):
        for text, size in {"1": 1, "1_000": 1000, "10MB": 10**7, "2M": 2**21, "none": None}.items():
            self.assertEqual(parse_arguments(["ws://h/", "--max-size", text]).max_size, size)
        for wrong in "0", "-1", "1XB", "":
            self.assertWrong(f"64KiB or 1MB, or none; it is {wrong!r}", f"--max-size={wrong}")

    def test_there_may_be_no_proxy_whatever_the_environment_says(self):
        self.assertIsNone(parse_arguments(["ws://h/", "--proxy", "none"]).proxy)
        self.assertIs(parse_arguments(["ws://h/"]).proxy, True)

    def test_insecure_excludes_authorities(self):
        for option in "--cacert", "--cert":
            self.assertWrong(
                "--insecure excludes --cacert and --cert", "--insecure", option, "file.pem"
            )

    def test_a_uri_is_required(self):
        self.assertEqual(self.exit_status(), 2)

    def test_the_help_tells_of_the_exit_status(self):
        self.assertEqual(self.exit_status("--help"), 0)
        self.assertIn("The exit status is 0 if", sys.stdout.getvalue())

    def test_the_help_tells_of_every_form_of_a_proxy_and_of_passwords(self):
        self.assertEqual(self.exit_status("--help"), 0)
        words = " ".join(sys.stdout.getvalue().split())
        for scheme in "http", "https", "socks", "socks4", "socks4a", "socks5", "socks5h":
            self.assertIn(f" {scheme}://", words.replace("(", " "))
        for form in "HOST:PORT is an http proxy", "answer a 407 by Digest", "a 401 by Digest":
            self.assertIn(form, words)


class DocumentedTests(SynchronousTestCase):
    def lines(self, name):
        """Return the arguments of each command in the shell blocks of a document."""
        text = "".join(blocks((ROOT / name).read_text(), "shell"))
        commands = [line.partition("python -m txws2 ")[2] for line in text.splitlines()]
        return [
            shlex.split(re.split(" [<>] ", command)[0], comments=True)
            for command in commands
            if command
        ]

    def test_the_commands_of_the_docs_can_be_typed(self):
        for name, least in ("README.rst", 3), ("docs/howto/command.rst", 7):
            lines = self.lines(name)
            self.assertGreaterEqual(len(lines), least)
            for line in lines:
                replays = line[0] == "replay"
                options = parse_replay(line[1:]) if replays else parse_arguments(line)
                self.assertTrue(options.uri.startswith("ws"))
