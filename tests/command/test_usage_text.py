"""The help of `twistd ws`: groups, each option in words, the common part on one screen."""

import os

from twisted.trial.unittest import SynchronousTestCase

from txws2._command.option_groups import GROUPS
from txws2.tap import Options

SCREEN = 24


class HelpTests(SynchronousTestCase):
    def setUp(self):
        self.patch(os, "environ", {**os.environ, "COLUMNS": "80"})
        self.lines = Options().getUsage().splitlines()

    def test_the_common_part_is_on_one_screen(self):
        titles = [f"{group.title}:" for group in GROUPS]
        begin, end = self.lines.index(titles[0]), self.lines.index(titles[2])
        self.assertLessEqual(end - begin, SCREEN)
        common = "\n".join(self.lines[begin:end])
        for name in "app", "echo", "static", "listen", "config":
            self.assertIn(f"--{name} ", common)

    def test_no_line_is_longer_than_the_screen_is_wide(self):
        for width in 60, 80, 120:
            for line in Options().getUsage(width).splitlines():
                self.assertLessEqual(len(line), width)

    def test_a_narrow_screen_still_gets_a_help(self):
        self.assertEqual(Options().getUsage(20), Options().getUsage(60))

    def test_the_width_is_that_of_the_screen(self):
        os.environ["COLUMNS"] = "100"
        self.assertEqual(Options().getUsage(), Options().getUsage(100))

    def test_each_option_is_there_once_with_its_words(self):
        text = " ".join(" ".join(self.lines).split())
        for group in GROUPS:
            for option in group.options:
                named = f"--{option.name} {option.value}".strip()
                self.assertEqual(text.count(f" {named} {option.words}"), 1, option.name)

    def test_each_option_has_words_of_its_own(self):
        words = [option.words for group in GROUPS for option in group.options]
        self.assertEqual(len(set(words)), len(words))
        for text in words:
            self.assertRegex(text, r"^[a-z0-9].*\w\Z")

    def test_all_options_of_the_command_are_in_it(self):
        in_groups = {option.name for group in GROUPS for option in group.options}
        self.assertEqual(set(Options()), in_groups)
