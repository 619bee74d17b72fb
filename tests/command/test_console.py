"""The output of `python -m txws2`, on the screen of a terminal and in a pipe."""

import os
import re
from unicodedata import east_asian_width

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.stdio import StandardIO
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txws2._command.console import Console


class Screen:
    """A terminal, as far as the console needs one; it fails on any other control sequence.

    Args:
        columns: cells in a row.
        lines: rows.
    """

    _token = re.compile(r"\x1b[78]|\x1b\[[ABKL]|[^\x00-\x1f\x7f-\x9f]|[\r\n]")

    def __init__(self, columns=20, lines=6):
        self.columns, self.lines = columns, lines
        self._rows = [[] for _ in range(lines)]
        self._row = self._column = 0
        self._saved = 0, 0

    def __str__(self):
        texts = ["".join(row).rstrip() for row in self._rows]
        return "\n".join(texts).rstrip("\n")

    def show(self, text):
        """Take output, or the terminal's echo of the typing."""
        position = 0
        while position < len(text):
            token = self._token.match(text, position)
            assert token is not None, f"the terminal is steered by {text[position:]!r}"
            self._do(token[0])
            position = token.end()

    def _do(self, token):
        match token:
            case "\r":
                self._column = 0
            case "\n":
                self._column = 0
                self._feed()
            case "\x1b7":
                self._saved = self._row, self._column
            case "\x1b8":
                self._row, self._column = self._saved
            case "\x1b[A":
                self._row = max(self._row - 1, 0)
            case "\x1b[B":
                self._row = min(self._row + 1, self.lines - 1)
            case "\x1b[K":
                del self._rows[self._row][self._column :]
            case "\x1b[L":
                self._rows.insert(self._row, [])
                self._rows.pop()
            case character:
                self._put(character)

    def _feed(self):
        if self._row + 1 < self.lines:
            self._row += 1
        else:
            self._rows.append([])
            del self._rows[0]

    def _put(self, character):
        # A wide character has an empty cell behind it.
        cells = [character] + [""] * (east_asian_width(character) in "WF")
        if self._column + len(cells) > self.columns:
            self._column = 0
            self._feed()
        row = self._rows[self._row]
        row += " " * (self._column - len(row))
        row[self._column : self._column + len(cells)] = cells
        self._column += len(cells)


class ConsoleTestCase(SynchronousTestCase):
    terminal = False
    steerable = False

    def setUp(self):
        self.sent = []
        self.transport = StringTransport()
        self.console = Console(self.send, terminal=self.terminal, steerable=self.steerable)
        self.console.makeConnection(self.transport)

    def send(self, line):
        self.sent.append(line)
        return succeed(None)

    def lose(self):
        self.console.connectionLost(Failure(ConnectionDone()))


class PipeTests(ConsoleTestCase):
    def test_each_line_is_sent(self):
        self.console.dataReceived(b"one\ntwo\r\n\nthr")
        self.console.dataReceived(b"ee\n")
        self.assertEqual(self.sent, ["one", "two", "", "three"])

    def test_a_last_line_without_newline_is_sent_too(self):
        self.console.dataReceived("one\nzwölf".encode())
        self.assertEqual(self.sent, ["one"])
        self.console.readConnectionLost()
        self.assertEqual(self.sent, ["one", "zwölf"])
        self.successResultOf(self.console.ended)

    def test_after_a_last_newline_there_is_no_other_line(self):
        self.console.dataReceived(b"one\n")
        self.console.readConnectionLost()
        self.assertEqual(self.sent, ["one"])
        self.successResultOf(self.console.ended)

    def test_bytes_that_are_not_utf_8_are_sent_as_binary(self):
        self.console.dataReceived(b"caf\xe9\n\xff\xfe")
        self.console.readConnectionLost()
        self.assertEqual(self.sent, [b"caf\xe9", b"\xff\xfe"])

    def test_messages_are_written_as_they_are(self):
        for message in "one", "t\x1b[2Jwo\nthree", b"\x00\xff", "":
            self.console.show(message)
        self.assertEqual(self.transport.value(), b"one\nt\x1b[2Jwo\nthree\n\x00\xff\n\n")

    def test_there_is_no_place_for_notes_and_prompts(self):
        self.console.note("connected")
        self.console.dataReceived(b"one\n")
        self.assertEqual(self.transport.value(), b"")

    def test_leaving_waits_until_all_is_written(self):
        left = self.console.leave()
        self.assertTrue(self.transport.disconnecting)
        self.assertNoResult(left)
        self.lose()
        self.successResultOf(left)
        self.assertEqual(self.transport.value(), b"")

    def test_all_was_written(self):
        left = self.console.leave()
        self.lose()
        self.assertIs(self.successResultOf(left), True)

    def test_when_nobody_reads_the_output_any_more_it_gives_up(self):
        self.console.writeConnectionLost()
        self.assertTrue(self.transport.disconnecting)
        self.assertIs(self.successResultOf(self.console.gone), False)
        self.lose()
        self.successResultOf(self.console.leave())

    def test_it_gives_up_if_the_last_words_cannot_be_written(self):
        left = self.console.leave()
        self.console.connectionLost(Failure(ConnectionLost()))
        self.assertIs(self.successResultOf(left), False)

    def test_the_ends_of_input_and_output_are_distinguished(self):
        self.assertTrue(IHalfCloseableProtocol.providedBy(self.console))


class PipeToATerminalTests(ConsoleTestCase):
    steerable = True

    def test_a_message_does_not_steer_the_terminal(self):
        for message in "t\x1b[2Jwo\nthree", b"\x1b[2J":
            self.console.show(message)
        expected = b"t\\x1b[2Jwo\nthree\n[binary, 4 bytes] 1b 5b 32 4a\n"
        self.assertEqual(self.transport.value(), expected)


class BackpressureTests(ConsoleTestCase):
    def send(self, line):
        self.sent.append(line)
        self.sending = Deferred()
        return self.sending

    def test_no_line_is_read_while_one_is_being_sent(self):
        self.console.dataReceived(b"one\ntwo\n")
        self.assertEqual(self.sent, ["one"])
        self.assertEqual(self.transport.producerState, "paused")
        self.sending.callback(None)
        self.assertEqual(self.sent, ["one", "two"])
        self.assertEqual(self.transport.producerState, "paused")
        self.sending.callback(None)
        self.assertEqual(self.transport.producerState, "producing")

    def test_it_is_so_on_real_streams(self):
        stdin, keyboard = os.pipe()
        screen, stdout = os.pipe()
        for end in keyboard, screen:
            self.addCleanup(os.close, end)
        reactor = MemoryReactor()
        streams = StandardIO(self.console, stdin=stdin, stdout=stdout, reactor=reactor)
        self.addCleanup(streams.connectionLost, Failure(ConnectionDone()))
        reader = next(each for each in reactor.getReaders() if each.fileno() == stdin)
        os.write(keyboard, b"one\n")
        reader.doRead()
        self.assertNotIn(reader, reactor.getReaders())
        self.sending.callback(None)
        self.assertIn(reader, reactor.getReaders())

    def test_a_line_that_could_not_be_sent_is_followed_by_the_next(self):
        self.console.dataReceived(b"one\ntwo\n")
        self.sending.errback(ValueError("closed"))
        self.assertEqual(self.sent, ["one", "two"])

    def test_a_failure_at_once_pauses_nothing(self):
        failed = fail(ValueError("closed"))
        self.addCleanup(failed.addErrback, lambda _: None)
        self.transport = StringTransport()
        self.console = Console(lambda line: failed, terminal=False, steerable=False)
        self.console.makeConnection(self.transport)
        self.console.dataReceived(b"one\n")
        self.assertEqual(self.transport.producerState, "producing")


class TerminalTests(ConsoleTestCase):
    terminal = True
    steerable = True

    def setUp(self):
        self.patch(os, "environ", {**os.environ, "COLUMNS": "20", "LINES": "6"})
        super().setUp()
        self.screen = Screen(20, 6)

    def type(self, text):
        """Type a line or a part of a line; the terminal echoes it, and passes on whole lines."""
        self.assertScreen()
        self.screen.show(text)
        if text.endswith("\n"):
            self.console.dataReceived(text.encode())

    def assertScreen(self, *lines):
        self.screen.show(self.transport.value().decode())
        self.transport.clear()
        if lines:
            self.assertEqual(str(self.screen), "\n".join(lines))

    def go_to_the_bottom(self):
        for _ in range(8):
            self.type("x\n")
        self.assertScreen(*["> x"] * 5, ">")

    def test_there_is_a_prompt_for_each_line(self):
        self.type("one\n")
        self.type("two\n")
        self.assertScreen("> one", "> two", ">")
        self.assertEqual(self.sent, ["one", "two"])

    def test_a_message_goes_above_the_line_that_is_being_typed(self):
        self.type("hel")
        self.console.show("hi")
        self.type("lo")
        self.assertScreen("< hi", "> hello")

    def test_a_message_goes_above_the_line_at_the_bottom_of_the_screen(self):
        self.go_to_the_bottom()
        self.type("hel")
        self.console.show("hi")
        self.type("lo")
        self.assertScreen("> x", "> x", "> x", "> x", "< hi", "> hello")

    def test_the_lines_below_move_down(self):
        self.screen.show("\n\nbelow\r\x1b[A\x1b[A")
        self.type("hel")
        self.console.show("hi")
        self.type("lo")
        self.assertScreen("< hi", "> hello", "", "below")

    def test_many_messages_in_a_row(self):
        self.type("hel")
        for number in range(7):
            self.console.show(str(number))
        self.type("lo")
        self.assertScreen("< 2", "< 3", "< 4", "< 5", "< 6", "> hello")

    def test_a_long_message_takes_several_rows(self):
        self.type("hel")
        self.console.show("abcdefghijklmnopqrstuvwxyz")
        self.type("lo")
        self.assertScreen("< abcdefghijklmnopqr", "stuvwxyz", "> hello")

    def test_a_message_as_wide_as_the_screen_takes_one(self):
        self.console.show("x" * 18)
        self.type("hello")
        self.assertScreen("< " + "x" * 18, "> hello")

    def test_a_long_message_at_the_bottom(self):
        self.go_to_the_bottom()
        self.type("hel")
        self.console.show("x" * 18 + "y" * 20 + "z")
        self.type("lo")
        self.assertScreen("> x", "> x", "< " + "x" * 18, "y" * 20, "z", "> hello")

    def test_wide_characters(self):
        self.console.show("日本語" * 4)
        self.type("語")
        self.assertScreen("< 日本語日本語日本語", "日本語", "> 語")

    def test_the_lines_of_a_message(self):
        self.console.show("one\ntwo\n")
        self.type("hello")
        self.assertScreen("< one", "two", "", "> hello")

    def test_a_binary_message_is_shown_in_hexadecimal(self):
        self.console.show(b"\x00\xff")
        self.assertScreen("< [binary, 2 bytes]", "00 ff", ">")

    def test_a_note_is_no_message(self):
        self.console.note("connected")
        self.assertScreen("connected", ">")

    def test_a_message_can_not_steer_the_terminal(self):
        for number in [*range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0)]:
            self.console.show(chr(number))
            self.assertScreen()
        self.assertScreen(*[rf"< \x{number:x}" for number in range(0x9B, 0xA0)], ">")

    def test_a_note_can_not_steer_the_terminal(self):
        self.console.note("\x1b[2Jconnected")
        self.assertScreen(r"\x1b[2Jconnected", ">")

    def test_leaving_takes_the_prompt_away(self):
        self.type("one\n")
        self.type("hel")
        self.console.leave()
        self.assertScreen("> one")


class FullOutputTests(ConsoleTestCase):
    def test_as_long_as_there_is_room_nothing_waits(self):
        self.assertIsNone(self.console.show("one"))

    def test_a_message_is_followed_by_the_next_when_there_is_room_again(self):
        self.transport.producer.pauseProducing()
        shown = self.console.show("one")
        self.assertNoResult(shown)
        self.transport.producer.resumeProducing()
        self.successResultOf(shown)
        self.assertIsNone(self.console.show("two"))

    def test_a_message_waits_if_the_one_before_it_fills_the_pipe_again(self):
        def show_next(_):
            self.transport.producer.pauseProducing()
            self.next = self.console.show("two")

        self.transport.producer.pauseProducing()
        self.console.show("one").addCallback(show_next)
        self.transport.producer.resumeProducing()
        self.assertNoResult(self.next)

    def test_a_reader_that_has_gone_lets_nobody_wait(self):
        self.transport.producer.pauseProducing()
        shown = self.console.show("one")
        self.transport.producer.stopProducing()
        self.successResultOf(shown)

    def test_leaving_does_not_wait_for_more_to_write(self):
        self.console.leave()
        self.assertIsNone(self.transport.producer)

    def test_giving_up_waits_for_nobody(self):
        self.transport.producer.pauseProducing()
        shown = self.console.show("one")
        self.console.give_up()
        self.successResultOf(shown)
        self.assertIs(self.successResultOf(self.console.leave()), False)
        self.console.writeConnectionLost()
        self.lose()
