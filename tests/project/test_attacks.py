"""Every row of the table of attacks in docs/reliability.rst has a test that names it."""

import ast
import re
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.project.test_house import modules

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"

NAMED = re.compile(r"Attacks? (\d+)(?: and (\d+))?")
# Constants are known to everybody.
SECRET = re.compile("password|secret|credential")


@cache
def attacks_named_in(path):
    """Return the rows that the classes and functions of a file name, which are tests."""
    text, found = path.read_text(), set()
    # Parsing all files takes seconds.
    for node in ast.walk(ast.parse(text)) if re.search("attack_|Attack", text) else ():
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            name = re.match(r"test_attack_(\d+)_", node.name)
            told = NAMED.match(ast.get_docstring(node) or "")
            numbers = (*(name or told).groups(),) if name or told else ()
            found.update(int(number) for number in numbers if number)
    return found


def rows():
    """Return the rows of the table in the docs: a number, and the files named with it."""
    text = (DOCS / "reliability.rst").read_text().split("\nFigures\n")[0]
    found = re.findall(r"^   \* - (\d+)\n((?:     .*\n)+)", text, re.MULTILINE)
    return {int(number): re.findall(r"``(tests/[\w/]+\.py)``", cells) for number, cells in found}


def is_a_test(node):
    return isinstance(node, ast.Compare)


class AttackTests(SynchronousTestCase):
    def test_every_attack_has_a_test_that_names_it(self):
        named = set().union(*map(attacks_named_in, TESTS.rglob("test_*.py")))
        self.assertEqual(named, set(rows()))

    def test_the_table_has_every_attack_with_tests_that_name_it(self):
        self.assertLessEqual(set(range(1, 24)), set(rows()))
        self.assertEqual(list(rows()), sorted(rows()))
        for number, files in rows().items():
            self.assertNotEqual(files, [], f"row {number}")
            for file in files:
                self.assertIn(number, attacks_named_in(TESTS.parent / file), file)

    def test_attack_11_no_secret_is_compared_byte_by_byte(self):
        """With == it would take longer the more of a guess is right."""
        for name, tree in modules():
            for node in ast.walk(tree):
                if isinstance(node, ast.Compare):
                    for operator, side in zip(node.ops, node.comparators, strict=True):
                        if not isinstance(operator, (ast.Eq, ast.NotEq)):
                            continue
                        # A side such as `secret is None` shows only if there is a secret.
                        sides = [each for each in (node.left, side) if not is_a_test(each)]
                        compared = " and ".join(map(ast.unparse, sides))
                        self.assertFalse(SECRET.search(compared), f"{name}: {compared}")
