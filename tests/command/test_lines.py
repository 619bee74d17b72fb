"""Lines from data that arrives in pieces."""

from twisted.trial.unittest import SynchronousTestCase

from txws2._command.lines import Lines


class Piece(bytes):
    """Bytes that count their reads."""

    looked_at = 0

    def split(self, *arguments):
        self.looked_at += 1
        return super().split(*arguments)


class LinesTests(SynchronousTestCase):
    def setUp(self):
        self.lines = Lines()

    def test_each_line_in_a_piece(self):
        self.assertEqual(self.lines.receive(b"one\ntwo\r\n\n"), [b"one", b"two\r", b""])
        self.assertEqual(self.lines.end(), b"")

    def test_a_line_that_comes_in_pieces(self):
        self.assertEqual(self.lines.receive(b"o"), [])
        self.assertEqual(self.lines.receive(b"n"), [])
        self.assertEqual(self.lines.receive(b"e\ntw"), [b"one"])
        self.assertEqual(self.lines.receive(b"o\n"), [b"two"])

    def test_the_last_line_may_have_no_newline(self):
        self.lines.receive(b"one\ntw")
        self.lines.receive(b"o")
        self.assertEqual(self.lines.end(), b"two")
        self.assertEqual(self.lines.end(), b"")

    def test_a_piece_is_looked_at_once_however_long_the_line_is(self):
        pieces = [Piece(b"x" * 1000) for _ in range(1000)]
        for piece in pieces:
            self.lines.receive(piece)
        self.assertEqual(self.lines.receive(b"\n"), [b"x" * 1_000_000])
        self.assertEqual({piece.looked_at for piece in pieces}, {1})
