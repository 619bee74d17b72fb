"""The command lines of `twistd ws` that docs/howto shows are right."""

import re
import shlex
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2._command.modes.table import MODES
from txws2.tap import Options

PAGES = sorted(Path(ROOT, "docs", "howto").glob("*.rst"))

# A literal may go on in the next line of its cell.
LITERAL = re.compile(r"``([^`]+)``")


def parse(line):
    """Return the options in a command line after `ws`."""
    options = Options()
    options.parseOptions(shlex.split(line, comments=True))
    return options


def rows_of(page, first):
    """Generate the cells of the rows of a table with two columns, whose head begins so."""
    text = (Path(ROOT, "docs", "howto") / page).read_text()
    rule, *rows = (
        text[: text.index(f"\n{first}")].rpartition("\n")[2],
        *text.split(f"\n{first}")[1:],
    )
    width = rule.index(" ") + 1
    found = []
    for row in rows[0].split("\n")[2:]:
        if row == rule:
            return found
        left, right = row[:width].strip(), row[width:].strip()
        if left:
            found.append((left, right))
        else:
            found[-1] = found[-1][0], f"{found[-1][1]} {right}"
    raise AssertionError(f"the table {first!r} has no end")


class BlockTests(SynchronousTestCase):
    def test_their_options_exist_and_have_values_that_can_be_read(self):
        count = 0
        for page in PAGES:
            for line in "".join(blocks(page.read_text(), "shell")).splitlines():
                before, ws, after = line.partition(" ws ")
                if before.startswith("twistd") and ws and "--config" not in after:
                    parse(after)
                    count += 1
        self.assertGreater(count, 10)


class TableTests(SynchronousTestCase):
    def test_each_mode_has_an_example(self):
        text = (Path(ROOT, "docs", "howto", "twistd.rst")).read_text()
        table = text[text.index("\nOption  ") :].split("\n====")[1]
        named = []
        for row in table.split("\n")[1:]:
            name, *_, example = LITERAL.findall(row)
            named.append(name)
            self.assertEqual(len(parse(example)[name.removeprefix("--")]), 1)
        self.assertEqual(named, [f"--{mode.option.name}" for mode in MODES])

    def test_websockify_becomes(self):
        rows = rows_of("forward.rst", "websockify   ")
        parsed = [(old, parse(LITERAL.search(new)[1])) for old, new in rows]
        self.assertEqual(len(parsed), 10)
        found = dict(parsed)["``--web /usr/share/novnc 6080 localhost:5900``"]
        self.assertEqual(found["listen"], ["tcp:6080"])
        self.assertEqual(found["static"], [("/", "/usr/share/novnc")])
        self.assertEqual(found["forward"], [("/", "localhost:5900")])

    def test_websocketd_becomes(self):
        rows = rows_of("programs.rst", "websocketd   ")
        parsed = [(old, parse(LITERAL.search(new)[1])) for old, new in rows]
        self.assertEqual(len(parsed), 7)
        found = dict(parsed)["``--port=8080 ./count.sh``"]
        self.assertEqual((found["listen"], found["exec"]), (["tcp:8080"], [("/", "./count.sh")]))
