"""Every block of Python in the docs runs as pasted, and a test reads it."""

import re

from twisted.trial.unittest import SynchronousTestCase

from tests.support.pages import faults_of, included, is_read, is_used, pages, texts

LANGUAGES = {"docker", "html", "ini", "javascript", "json", "nginx", "python", "shell"}
LANGUAGES |= {"shell-session", "text", "toml", "yaml"}


class WholeTests(SynchronousTestCase):
    def test_each_block_compiles_and_defines_or_imports_all_that_it_uses(self):
        faulty = {
            f"{page}, block {number}": faults
            for page, code in texts("python").items()
            for number, block in enumerate(code, 1)
            if (faults := faults_of(block))
        }
        self.assertEqual(faulty, {})

    def test_faults_are_seen(self):
        for code, fault in {
            "await send('a')": "'await' outside function, line 1",
            "ws.send('a')": "undefined: ws",
            "class A:\n    def b(self): return c": "undefined: c",
            "def a(): ...": "an ellipsis instead of code, line 1",
            "import json\n": "imported, not used: json",
            "x = (": "'(' was never closed, line 1",
        }.items():
            self.assertEqual(faults_of(code), [fault])
        fine = "import txws2\n\nasync def a(ws, b=1):\n    return [c + b for c in txws2.d(ws)]"
        self.assertEqual(faults_of(fine), [])


class ReadTests(SynchronousTestCase):
    def test_a_test_reads_each_page_with_python(self):
        self.assertEqual({page for page in texts("python") if not is_read(page)}, set())

    def test_a_test_uses_each_file_that_a_page_shows(self):
        shown = {path for _, path in included() if not path.startswith("txws2/")}
        self.assertEqual({path for path in shown if not is_used(path)}, set())


class LanguageTests(SynchronousTestCase):
    def test_each_block_has_a_language_that_these_tests_know(self):
        for page, text in pages().items():
            found = set(re.findall(r"^ *\.\. (?:code-block|code|sourcecode)::(.*)$", text, re.M))
            self.assertLessEqual({each.strip() for each in found}, LANGUAGES, page)
            self.assertNotRegex(text, r"(?m)^(?! *\.\. ).*::$", page)

    def test_no_page_lists_its_contents_itself(self):
        """The theme does so for every page, and puts an error in front of another list."""
        for page, text in pages().items():
            self.assertNotIn(".. contents::", text, page)
