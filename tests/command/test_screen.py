"""Text for a terminal: without control characters, in rows that fit."""

from twisted.trial.unittest import SynchronousTestCase

from txws2._command.screen import printable, rows

FAMILY = "👨\u200d👩\u200d👧"


class PrintableTests(SynchronousTestCase):
    def test_letters_of_all_scripts_stay(self):
        for text in "plain", "naïve", "日本語", "e\u0301", "🙂", "a b", "one\ntwo", r"\x1b":
            self.assertEqual(printable(text), text)

    def test_joined_emoji_stay(self):
        for text in FAMILY, "❤\ufe0f\u200d🔥", "\u0645\u06cc\u200c\u062e":
            self.assertEqual(printable(text), text)

    def test_characters_that_could_steer_a_terminal_are_escaped(self):
        shown = {
            "\x1b[2J": r"\x1b[2J",
            "\x07": r"\x07",
            "\x9b2J": r"\x9b2J",
            "\x1b]0;title\x07": r"\x1b]0;title\x07",
            "\r": r"\r",
            "\t": r"\t",
            "\x7f": r"\x7f",
            "\u202e": r"\u202e",
            "\U000e0001": r"\U000e0001",
        }
        for text, expected in shown.items():
            self.assertEqual(printable(text), expected)


class RowTests(SynchronousTestCase):
    def assertRows(self, text, width, *expected):
        self.assertEqual(list(rows(text, width)), list(expected))

    def test_a_text_that_fits_is_one_row(self):
        self.assertRows("", 3, "")
        self.assertRows("abc", 3, "abc")

    def test_a_longer_one_is_cut(self):
        self.assertRows("abcdefg", 3, "abc", "def", "g")

    def test_each_of_its_lines_begins_a_row(self):
        self.assertRows("ab\n\ncdef", 3, "ab", "", "cde", "f")

    def test_a_wide_character_takes_two_cells(self):
        self.assertRows("日本語", 5, "日本", "語")

    def test_a_combining_one_takes_none(self):
        self.assertRows("e\u0301e\u0301e", 2, "e\u0301e\u0301", "e")

    def test_a_mark_that_takes_none_stays_with_its_character(self):
        self.assertRows("abc\u0301d", 3, "abc\u0301", "d")

    def test_emoji_that_are_joined_stay_together(self):
        self.assertRows(f"ab{FAMILY}c", 8, "ab" + FAMILY, "c")
        self.assertRows(f"abc{FAMILY}", 8, "abc", FAMILY)

    def test_those_that_no_row_has_room_for_are_a_row(self):
        self.assertRows(f"a{FAMILY}b", 3, "a", FAMILY, "b")
