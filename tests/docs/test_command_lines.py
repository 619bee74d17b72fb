"""Every command line in the docs is known: a program reads it here, or another test runs it."""

import os
import re
import shlex
import sys
from configparser import ConfigParser
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

from twisted.application.reactors import getReactorTypes
from twisted.scripts.twistd import ServerOptions
from twisted.trial.unittest import SynchronousTestCase

import txws2.__main__ as client
from tests.command.test_commands import ROOT
from tests.support.pages import pages, texts
from txws2.tap import Options

# The programs that are not ours: the test that runs the line, or the reason why none does.
OTHERS = {
    ".": "the shell's own, in the README: the tests run in such an environment",
    "cd": "the shell's own",
    "cp": "changes the machine",
    "echo": "its output goes to the program behind the pipe, or into a file",
    "export": "the shell's own",
    "grep": "looks for words in the output before it",
    "kill": "ends the reader's own process",
    "kubectl": "needs a cluster; tests/docs/test_deploy.py reads the file",
    "mkdir": "changes the machine",
    "sh": "tests/interop/test_deploy.py",
    "sleep": "only waits",
    "ulimit": "the shell's own",
    "apt-get": "changes the machine; .ci/run uses it in the same way",
    "caddy": "tests/interop/test_behind_caddy.py",
    "certbot": "needs a host with a public name",
    "ckeygen": "tests/interop/test_endpoints.py",
    "curl": "tests/pages/test_pages.py and tests/relay ask for the same",
    "haproxy": "tests/interop/test_reverse_proxies.py",
    "htpasswd": "tests/server/test_user_file.py reads such files",
    "install": "changes the machine",
    "journalctl": "needs a machine that systemd has started",
    "load": "the load of make bench: tests/interop/test_benchmarks.py",
    "nginx": "tests/interop/test_reverse_proxies.py",
    "nstat": "reads the machine's own counters",
    "openssl": "tests/interop/test_endpoints.py has such a certificate",
    "podman": "needs a registry of images; tests/docs/test_deploy.py reads the Containerfile",
    "prlimit": "reads the limits of the reader's own process",
    "ps": "looks at the reader's own process",
    "ss": "reads the machine's own sockets",
    "ssh": "tests/interop has the same pair of programs in its test of the gallery",
    "sysctl": "reads the machine's own settings",
    "systemd-analyze": "tests/interop/test_systemd.py",
    "systemctl": "tests/interop/test_systemd.py starts the same units without systemd as process 1",
    "taskset": "the program behind it is what the page is about",
    "useradd": "changes the machine",
    "towncrier": "`make docs` runs it",
}
# A line is cut here into commands and, behind an angle bracket, files.
BETWEEN = {"|", "||", "&&", ";", "&", "(", ")"}
INTO = {">", "<", ">>"}
# $(cat twistd.pid)
SUBSTITUTED = re.compile(r"\$\([^()]*\)")
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
    for line in SUBSTITUTED.sub("1", block.replace("\\\n", " ")).splitlines():
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
        """Go to a directory with the files that a command may name."""
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "ws.toml").write_text("echo = true")
        (directory / "chat.py").write_text("async def handler(ws): pass")
        self.patch(sys, "path", list(sys.path))
        self.addCleanup(sys.modules.pop, "chat", None)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(directory)
        self.patch(sys, "stdout", StringIO())

    def check(self, program, arguments):
        """Check one command line; its program has no path."""
        if program == "sudo":
            program, *arguments = arguments
        program = "python" if program == "python3" else program
        if program == "python" and arguments[0] == "-m":
            self.check_module(arguments[1], arguments[2:])
        elif check := getattr(self, f"check_{program}", None):
            check(arguments)
        else:
            self.assertIn(program, OTHERS, "say in OTHERS which test runs it, or why none does")

    def is_there(self, path):
        """Tell whether a file is there, from the checkout or from a folder of the examples."""
        return Path(ROOT, path).exists() or any(Path(ROOT, "docs", "examples").rglob(path))

    def check_twistd(self, arguments):
        Twistd().parseOptions(arguments)

    def check_module(self, module, arguments):
        """Check `python -m`."""
        if module == "txws2":
            self.patch(client, "check_streams", lambda: None)
            self.patch(client, "react", lambda run: None)
            client.main(arguments)
            self.assertRegex(" ".join(arguments), r"wss?://|\bURI\b")
        elif module == "pytest":
            self.assertTrue(self.is_there(arguments[0]), arguments)
        else:
            self.assertIsNotNone(find_spec(module), module)

    def check_make(self, arguments):
        targets = re.search(r"^\.PHONY: (.+)$", Path(ROOT, "Makefile").read_text(), re.M)[1]
        self.assertIn(arguments[0], targets.split())

    def check_python(self, arguments):
        if arguments[0] == "-c":
            compile(arguments[1], "-c", "exec")
        else:
            self.assertTrue(self.is_there(arguments[0]), arguments)

    def check_pip(self, arguments):
        setup = ConfigParser()
        setup.read(Path(ROOT, "setup.cfg"))
        self.assertIn(arguments[0], {"install", "wheel"})
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

    def is_about_a_part(self, command):
        """Tell whether a text only names an option or a command, as `twistd ws --record`."""
        *before, last = command.split()
        options = Options()
        if before == ["python", "-m", "txws2"]:
            return re.fullmatch(r"-*[a-z-]+", last) is not None
        return before == ["twistd", "ws"] and f"{last.removeprefix('--')}=" in options.longOpt

    def test_those_in_the_text_are_read_by_their_programs(self):
        self.check_all(
            (page, words)
            for page, text in pages().items()
            for command in LITERAL.findall(text)
            if "..." not in command and not self.is_about_a_part(command)
            for words in commands(" ".join(command.split()))
        )

    def test_the_tests_that_are_said_to_run_others_exist(self):
        for reason in OTHERS.values():
            for path in re.findall(r"tests/[\w/]+\.py", reason):
                self.assertTrue(Path(ROOT, path).exists(), path)

    def test_a_line_is_cut_into_commands(self):
        line = "A=1 echo 'a b' | python -m x --b=c[d] ws://h:1/?a=b > f; kill $(cat p)  # comment"
        self.assertEqual(
            commands(line),
            [["echo", "a b"], ["python", "-m", "x", "--b=c[d]", "ws://h:1/?a=b"], ["kill", "1"]],
        )
