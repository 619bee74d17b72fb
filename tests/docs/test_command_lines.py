"""Every command line in the docs is known: a program reads it here, or another test runs it."""

import os
import re
import shlex
import sys
from configparser import ConfigParser
from io import StringIO
from pathlib import Path

from twisted.application.reactors import getReactorTypes
from twisted.scripts.twistd import ServerOptions
from twisted.trial.unittest import SynchronousTestCase

from tests.command.test_commands import ROOT
from tests.support.pages import pages, texts
from txws2._command.arguments import parse_arguments

# The programs that are not ours: the test that runs the line, or the reason why none does.
OTHERS = {
    ".": "the shell's own, in the README: the tests run in such an environment",
    "cd": "the shell's own",
    "mkdir": "the shell's own",
    "echo": "its output goes to the program behind the pipe, or into a file",
    "certbot": "needs a host with a public name",
    "ckeygen": "tests/interop/test_endpoints.py",
    "curl": "tests/pages/test_pages.py and tests/relay ask for the same",
    "htpasswd": "tests/server/test_user_file.py reads such files",
    "openssl": "tests/interop/test_endpoints.py has such a certificate",
    "towncrier": "`make docs` runs it",
}
# A line is cut here into commands and, behind an angle bracket, files.
BETWEEN = {"|", "||", "&&", ";", "&"}
INTO = {">", "<", ">>"}
LITERAL = re.compile(r"``((?:twistd|python -m txws2) [^`]+)``")


class Twistd(ServerOptions):
    """The options of twistd; a reactor is looked up, not installed."""

    def opt_reactor(self, name):
        """Look up a reactor."""
        if name not in {reactor.shortName for reactor in getReactorTypes()}:
            raise ValueError(f"there is no reactor {name}")


def commands(block):
    """Return the commands in a block of shell lines, each as a list of words."""
    found = []
    for line in block.replace("\\\n", " ").splitlines():
        words, skip = [], False
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.wordchars += "@%[]:,+^{}!$"
        for word in [*lexer, ";"]:
            if skip or word in INTO:
                skip = word in INTO
            elif word in BETWEEN:
                found.append(words)
                words = []
            elif words or not re.match(r"\w+=", word):
                words.append(word)
    return [words for words in found if words]


def all_commands():
    """Generate the commands of all pages, each with its page."""
    for page, blocks in texts("shell").items():
        for block in blocks:
            yield from ((page, words) for words in commands(block))
    for page, blocks in texts("shell-session").items():
        for line in "\n".join(blocks).splitlines():
            if line.startswith("$ "):
                yield from ((page, words) for words in commands(line[2:]))


class CommandLineTests(SynchronousTestCase):
    def setUp(self):
        """Go to a directory with the configuration file that a command may name."""
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "ws.toml").write_text("echo = true")
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(directory)
        self.patch(sys, "stdout", StringIO())

    def check(self, program, arguments):
        """Check one command line; its program has no path."""
        if program == "sudo":
            program, *arguments = arguments
        if program == "python" and arguments[0] == "-m":
            self.check_module(arguments[1], arguments[2:])
        elif check := getattr(self, f"check_{program}", None):
            check(arguments)
        else:
            self.assertIn(program, OTHERS, "say in OTHERS which test runs it, or why none does")

    def check_twistd(self, arguments):
        Twistd().parseOptions(arguments)

    def check_module(self, module, arguments):
        """Check `python -m`."""
        if module == "txws2":
            self.assertRegex(parse_arguments(arguments).uri, "^wss?://")
        elif module == "pytest":
            self.assertTrue(Path(ROOT, arguments[0]).exists(), arguments[0])
        else:
            path = Path(ROOT, *module.split("."))
            self.assertTrue(path.with_suffix(".py").exists() or path.is_dir(), module)

    def check_make(self, arguments):
        targets = re.search(r"^\.PHONY: (.+)$", Path(ROOT, "Makefile").read_text(), re.M)[1]
        self.assertIn(arguments[0], targets.split())

    def check_python(self, arguments):
        if arguments[0] == "-c":
            compile(arguments[1], "-c", "exec")
        else:
            self.assertTrue(list(Path(ROOT, "docs", "examples").rglob(arguments[0])), arguments)

    def check_pip(self, arguments):
        setup = ConfigParser()
        setup.read(Path(ROOT, "setup.cfg"))
        self.assertEqual(arguments[0], "install")
        for extra in re.findall(r"[\w-]+(?=[\w,-]*\])", arguments[-1]):
            self.assertIn(extra, setup["options.extras_require"])

    def check_all(self, found):
        """Check pairs of a page and the words of a command."""
        for page, (program, *arguments) in found:
            try:
                self.check(program.rpartition("/")[2] or program, arguments)
            except (Exception, SystemExit) as fault:
                if not isinstance(fault, SystemExit) or fault.code:
                    self.fail(f"{page}: {shlex.join([program, *arguments])}: {fault}")

    def test_each_is_read_by_its_program_or_has_its_reason(self):
        self.check_all(all_commands())

    def test_those_in_the_text_are_read_by_their_programs(self):
        self.check_all(
            (page, words)
            for page, text in pages().items()
            for command in LITERAL.findall(text)
            if "..." not in command
            for words in commands(command)
        )

    def test_the_tests_that_are_said_to_run_others_exist(self):
        for reason in OTHERS.values():
            for path in re.findall(r"tests/[\w/]+\.py", reason):
                self.assertTrue(Path(ROOT, path).exists(), path)

    def test_the_others_are_used(self):
        used = {words[0].rpartition("/")[2] or words[0] for _, words in all_commands()}
        self.assertEqual(set(OTHERS) - used, set())

    def test_a_line_is_cut_into_commands(self):
        line = "A=1 echo 'a b' | python -m x --b=c[d] ws://h:1/?a=b > f; make d  # comment"
        self.assertEqual(
            commands(line),
            [["echo", "a b"], ["python", "-m", "x", "--b=c[d]", "ws://h:1/?a=b"], ["make", "d"]],
        )
