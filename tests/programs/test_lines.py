"""Messages from the bytes that a program prints."""

from twisted.trial.unittest import SynchronousTestCase

from txws2.programs.lines import Chunks, Lines

TEXT = "one\r\n\ntwö\nthree\r\r\nlast".encode()
LINES = ["one", "", "twö", "three\r"]


class LinesTests(SynchronousTestCase):
    def cut(self, lines, pieces):
        return [line for piece in pieces for line in lines.receive(piece)]

    def test_each_line_comes_without_its_end(self):
        lines = Lines(100)
        self.assertEqual(lines.receive(TEXT), LINES)
        self.assertEqual(lines.rest(), ["last"])
        self.assertFalse(lines.invalid or lines.too_long)

    def test_the_reads_of_the_pipe_do_not_matter(self):
        for size in range(1, len(TEXT)):
            lines = Lines(100)
            pieces = [TEXT[start : start + size] for start in range(0, len(TEXT), size)]
            self.assertEqual(self.cut(lines, pieces), LINES)
            self.assertEqual(lines.rest(), ["last"])

    def test_nothing_is_left_after_a_last_line_with_an_end(self):
        lines = Lines(100)
        lines.receive(b"last\n")
        self.assertEqual(lines.rest(), [])

    def test_what_is_no_utf_8_becomes_a_replacement_character(self):
        lines = Lines(100)
        self.assertEqual(lines.receive(b"a\xffb\xc3\xb6\nc\n"), ["a\ufffdbö", "c"])
        self.assertTrue(lines.invalid)

    def test_a_line_of_as_many_bytes_as_allowed_is_a_line(self):
        lines = Lines(4)
        self.assertEqual(lines.receive(b"1234\n12" + b"34\n"), ["1234", "1234"])
        self.assertFalse(lines.too_long)

    def test_a_longer_line_ends_them_all_behind_those_before_it(self):
        for pieces in (
            [b"ok\n12345\nno\n"],
            [b"ok\n123", b"45\nno\n"],
            [b"ok\n12345", b"\nno\n"],
            [b"ok\r\n12345\nno\n"],
        ):
            lines = Lines(4)
            self.assertEqual(self.cut(lines, pieces), ["ok"])
            self.assertTrue(lines.too_long)
            self.assertEqual(lines.receive(b"more\n"), [])
            self.assertEqual(lines.rest(), [])

    def test_a_line_without_end_is_not_kept(self):
        lines = Lines(1000)
        for _ in range(100):
            lines.receive(b"x" * 100)
        self.assertTrue(lines.too_long)
        self.assertEqual(lines._pieces, [])

    def test_without_a_limit_lines_may_have_any_length(self):
        lines = Lines(None)
        self.assertEqual(self.cut(lines, [b"x" * 100_000] * 30 + [b"\n"]), ["x" * 3_000_000])


class ChunksTests(SynchronousTestCase):
    def test_each_read_is_a_message(self):
        chunks = Chunks()
        self.assertEqual(chunks.receive(b"\xff\n\x00"), [b"\xff\n\x00"])
        self.assertEqual(chunks.rest(), [])
