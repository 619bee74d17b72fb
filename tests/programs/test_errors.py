"""Standard error in the log."""

from twisted.logger import Logger, formatEvent

from tests.support.sides import QuietTestCase
from txws2.programs.errors import ErrorLines


class ErrorLinesTests(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.lines = ErrorLines(Logger(), "tool", 7)

    def shown(self):
        return [formatEvent(event).removeprefix("tool [7]: ") for event in self.events]

    def test_each_line_is_an_event(self):
        for piece in (b"one\ntw", b"o\r\n", b"three"):
            self.lines.receive(piece)
        self.lines.end()
        self.lines.end()
        self.assertEqual(self.shown(), ["one", "two", "three"])

    def test_nothing_in_it_can_steer_a_terminal_or_write_another_line(self):
        self.lines.receive(b"\x1b[2Jred\rx {log_level} \xff\n")
        self.assertEqual(self.shown(), ["\\x1b[2Jred\\rx {log_level} \ufffd"])

    def test_a_long_line_is_cut_and_the_rest_of_it_is_not_kept(self):
        for _ in range(100):
            self.lines.receive(b"x" * 1000)
        self.assertLess(len(self.lines._rest), 3000)
        self.lines.receive(b"end\nnext\n")
        cut, following = self.shown()
        self.assertEqual(cut, "x" * 2000 + "...")
        self.assertEqual(following, "next")
