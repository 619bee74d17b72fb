"""The manual pages and the completions are made of the options, and their programs read them."""

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.command.test_commands import ROOT
from txws2._command.arguments import command_parser, replay_parser
from txws2._command.option_groups import GROUPS

DOCS = Path(ROOT, "docs")
MAN, COMPLETIONS = DOCS / "man", DOCS / "completions"
ANEW = "python docs/manuals.py writes it anew"


def module(test, name):
    """Import a module from docs, for this test alone."""
    test.patch(sys, "path", [str(DOCS), *sys.path])
    for each in ("commands", "completions", "manuals"):
        test.addCleanup(sys.modules.pop, each, None)
    return import_module(name)


def output(program, *arguments):
    """Return the output of a program, with its warnings; skip the test if there is none such."""
    if shutil.which(program) is None:
        raise SkipTest(f"there is no {program}")
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANPAGER": "cat", "MANWIDTH": "80"}
    done = subprocess.run(
        [program, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


class ManualTests(SynchronousTestCase):
    def test_they_are_those_that_the_options_make(self):
        for name, text in module(self, "manuals").manuals().items():
            self.assertEqual((MAN / name).read_text(), text, ANEW)

    def test_they_have_all_options(self):
        page = (MAN / "twistd-ws.1").read_text().replace("\\-", "-")
        for option in (option for group in GROUPS for option in group.options):
            self.assertIn(f"\\fB--{option.name}\\fR", page)
        page = (MAN / "txws2.1").read_text().replace("\\-", "-")
        for action in (*command_parser()._actions, *replay_parser()._actions):
            for name in action.option_strings:
                self.assertIn(f"\\fB{name}\\fR", page)

    def test_groff_has_no_warning(self):
        for page in sorted(MAN.glob("*.1")):
            self.assertEqual(output("groff", "-man", "-Tutf8", "-ww", "-z", page), "", page)

    def test_man_shows_them(self):
        shown = output("man", "-l", MAN / "twistd-ws.1")
        self.assertIn("--max-connections-per-host NUMBER", shown)
        self.assertIn("python -m txws2 replay", output("man", "-l", MAN / "txws2.1"))


class CompletionTests(SynchronousTestCase):
    def test_they_are_those_that_the_options_make(self):
        for name, text in module(self, "completions").completions().items():
            self.assertEqual((COMPLETIONS / name).read_text(), text, ANEW)

    def completed(self, line):
        """Return the words with which bash completes the last word of a line."""
        program = line.split()[0]
        function = {"twistd": "_txws2_twistd", "txws2": "_txws2"}[program]
        words = " ".join(f"'{word}'" for word in line.split(" "))
        script = (
            f". {COMPLETIONS / program}.bash; cd {ROOT}\n"
            f"COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n"
            f'{function}; printf "%s\\n" "${{COMPREPLY[@]}}"'
        )
        return output("bash", "-uc", script).split()

    def test_bash_completes_options_of_twistd_ws_and_their_values(self):
        self.assertEqual(self.completed("twistd --nodaemon "), ["ws"])
        options = ["--publish", "--publish-tokens", "--publish-rate"]
        self.assertEqual(self.completed("twistd -n ws --pub"), options)
        self.assertEqual(self.completed("twistd ws --publish "), ["everybody", "nobody"])
        self.assertEqual(self.completed("twistd ws --config setup.c"), ["setup.cfg"])
        self.assertIn("docs", self.completed("twistd ws --static do"))
        self.assertEqual(self.completed("twistd ws --drain "), [])

    def test_bash_completes_options_of_the_client(self):
        self.assertEqual(self.completed("txws2 --re"), ["--reconnect"])
        self.assertEqual(self.completed("txws2 re"), ["replay"])
        self.assertEqual(self.completed("txws2 replay setup.c"), ["setup.cfg"])
        self.assertEqual(self.completed("txws2 replay x --re"), [])
        self.assertEqual(self.completed("txws2 replay x --sp"), ["--speed"])
        self.assertEqual(self.completed("txws2 --cacert setup.c"), ["setup.cfg"])

    def test_fish_completes_the_same(self):
        files = "; ".join(f"source {path}" for path in sorted(COMPLETIONS.glob("*.fish")))
        for line, expected in (
            ("twistd ws --publish-", ["--publish-rate", "--publish-tokens"]),
            ("twistd ws --publish ", ["everybody", "nobody"]),
            ("txws2 --reco", ["--reconnect"]),
            ("txws2 replay x --spe", ["--speed"]),
        ):
            shown = output("fish", "--no-config", "-c", f"{files}; complete -C '{line}'")
            words = sorted(each.partition("\t")[0] for each in shown.splitlines())
            self.assertEqual(words, expected, line)

    def test_zsh_reads_its_function(self):
        self.assertEqual(output("zsh", "-fn", COMPLETIONS / "_txws2"), "")
        # zsh asks Twisted for the options of twistd ws.
        self.assertEqual(output("zsh", "-fc", f"fpath+=({COMPLETIONS}); autoload -z _txws2"), "")
