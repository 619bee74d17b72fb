from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.support.implementations import counts_references
from txws2._connection.inbox import Inbox, Piece
from txws2._connection.read_pause import READ_AHEAD, Reading
from txws2.exceptions import ConcurrencyError, ConnectionClosedError, ConnectionClosedOK
from txws2.wire.events import Remainder


def closed():
    return ConnectionClosedError(None, None)


class InboxTestCase(SynchronousTestCase):
    def make(self, max_queue=4):
        self.clock = Clock()
        self.transport = StringTransport()
        return Inbox(Reading(self.transport, self.clock), max_queue)

    def put(self, inbox, *messages):
        """Let messages arrive in one read."""
        for message in messages:
            inbox.put(message)
        inbox.wake()

    def fill(self, inbox, number, message="x"):
        self.put(inbox, *[message] * number)

    @property
    def paused(self):
        return self.transport.producerState == "paused"

    @property
    def stopped(self):
        return self.paused and not self.clock.getDelayedCalls()


class GetTests(InboxTestCase):
    def test_messages_come_in_their_order(self):
        inbox = self.make()
        self.put(inbox, "a")
        self.put(inbox, b"b")
        got = [self.successResultOf(inbox.get(None)) for _ in range(2)]
        self.assertEqual(got, ["a", b"b"])

    def test_a_reader_waits_for_the_next_message(self):
        inbox = self.make()
        reading = inbox.get(None)
        self.assertNoResult(reading)
        self.put(inbox, "a")
        self.assertEqual(self.successResultOf(reading), "a")

    def test_a_second_reader_fails_at_once(self):
        inbox = self.make()
        inbox.get(None)
        error = self.failureResultOf(inbox.get(None), ConcurrencyError).value
        self.assertEqual(str(error), "recv() is already waiting for a message")

    def test_a_cancelled_reader_leaves_the_message(self):
        inbox = self.make()
        reading = inbox.get(None)
        reading.cancel()
        self.failureResultOf(reading, CancelledError)
        self.put(inbox, "a")
        self.assertEqual(self.successResultOf(inbox.get(None)), "a")

    def test_bytes_can_be_had_as_text_and_text_as_bytes(self):
        inbox = self.make()
        for message, decode, expected in (
            ("ä", None, "ä"),
            ("ä", True, "ä"),
            ("ä", False, b"\xc3\xa4"),
            (b"\xc3\xa4", None, b"\xc3\xa4"),
            (b"\xc3\xa4", True, "ä"),
            (b"\xc3\xa4", False, b"\xc3\xa4"),
        ):
            reading = inbox.get(decode)
            self.put(inbox, message)
            self.assertEqual(self.successResultOf(reading), expected)
            self.put(inbox, message)
            self.assertEqual(self.successResultOf(inbox.get(decode)), expected)

    def test_bytes_that_are_no_text_fail_the_one_who_wants_text(self):
        inbox = self.make()
        reading = inbox.get(True)
        self.put(inbox, b"\xff")
        self.failureResultOf(reading, UnicodeDecodeError)
        self.put(inbox, b"\xff")
        self.failureResultOf(inbox.get(True), UnicodeDecodeError)

    def test_after_the_end_what_is_here_can_still_be_got(self):
        inbox = self.make()
        self.put(inbox, "a")
        inbox.close(closed)
        self.assertEqual(self.successResultOf(inbox.get(None)), "a")
        self.failureResultOf(inbox.get(None), ConnectionClosedError)
        self.failureResultOf(inbox.get(None), ConnectionClosedError)

    def test_the_end_fails_a_reader(self):
        inbox = self.make()
        reading = inbox.get(None)
        inbox.close(closed)
        self.failureResultOf(reading, ConnectionClosedError)


class IterationTests(InboxTestCase):
    def iterate(self, inbox):
        """Gather messages as they come; return them, and a Deferred of their end."""
        got = []

        async def gather():
            async for message in inbox:
                got.append(message)

        return got, Deferred.fromCoroutine(gather())

    def test_messages_are_given_as_they_come(self):
        inbox = self.make()
        self.put(inbox, "a")
        got, _ = self.iterate(inbox)
        self.put(inbox, b"b")
        self.put(inbox, "c")
        self.assertEqual(got, ["a", b"b", "c"])

    def test_it_ends_with_a_connection_that_is_closed_in_due_form(self):
        for arrive_first in (True, False):
            inbox = self.make()
            if arrive_first:
                inbox.close(lambda: ConnectionClosedOK(None, None))
            _, ended = self.iterate(inbox)
            inbox.close(lambda: ConnectionClosedOK(None, None))
            self.assertIsNone(self.successResultOf(ended))

    def test_it_raises_otherwise(self):
        inbox = self.make()
        _, ended = self.iterate(inbox)
        inbox.close(closed)
        self.failureResultOf(ended, ConnectionClosedError)

    def test_two_can_not_wait_at_once(self):
        inbox = self.make()
        _, _ = self.iterate(inbox)
        _, second = self.iterate(inbox)
        self.failureResultOf(second, ConcurrencyError)

    def test_it_can_be_cancelled_and_no_message_is_lost(self):
        inbox = self.make()
        _, ended = self.iterate(inbox)
        ended.cancel()
        self.failureResultOf(ended, CancelledError)
        self.put(inbox, "a")
        self.assertEqual(self.successResultOf(inbox.get(None)), "a")

    def test_it_can_be_stepped_through(self):
        inbox = self.make()
        waiting = Deferred.fromCoroutine(self.step(inbox))
        self.put(inbox, "a")
        self.assertEqual(self.successResultOf(waiting), "a")

    async def step(self, inbox):
        return await anext(aiter(inbox))


class PauseTests(InboxTestCase):
    """Attack 13: messages that the application does not read."""

    def test_reading_pauses_when_max_queue_messages_wait(self):
        inbox = self.make(max_queue=4)
        self.fill(inbox, 3)
        self.assertFalse(self.paused)
        self.fill(inbox, 1)
        self.assertTrue(self.paused)

    def test_reading_resumes_when_a_quarter_is_left(self):
        inbox = self.make(max_queue=4)
        self.fill(inbox, 4)
        for _ in range(2):
            inbox.get(None)
        self.assertTrue(self.paused)
        inbox.get(None)
        self.assertFalse(self.paused)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_queue_of_one_pauses_and_resumes(self):
        inbox = self.make(max_queue=1)
        self.fill(inbox, 1)
        self.assertTrue(self.paused)
        inbox.get(None)
        self.assertFalse(self.paused)

    def test_without_a_limit_it_never_pauses(self):
        inbox = self.make(max_queue=None)
        self.fill(inbox, 1000, "x" * 1000)
        self.assertFalse(self.paused)
        self.assertFalse(self.stopped)

    def test_a_full_queue_that_is_resumed_pauses_at_the_next_message(self):
        inbox = self.make(max_queue=4)
        self.fill(inbox, 4)
        self.clock.advance(1)
        self.assertFalse(self.paused)
        self.fill(inbox, 1)
        self.assertTrue(self.paused)

    def test_several_messages_in_one_probe_are_all_kept(self):
        inbox = self.make(max_queue=1)
        for number in range(5):
            self.put(inbox, str(number))
        got = [self.successResultOf(inbox.get(None)) for _ in range(5)]
        self.assertEqual(got, ["0", "1", "2", "3", "4"])

    def test_it_stops_probing_at_256_kib(self):
        inbox = self.make(max_queue=4)
        self.fill(inbox, 3)
        self.assertFalse(self.stopped)
        self.put(inbox, "x" * 256 * 1024)
        self.assertTrue(self.stopped)
        self.clock.advance(100)
        self.assertTrue(self.paused)

    def test_empty_messages_count_for_the_memory_that_they_take(self):
        inbox = self.make(max_queue=1)
        for _ in range(5000):
            self.put(inbox, "")
            self.clock.advance(1)
        self.assertTrue(self.stopped)

    def test_a_message_that_was_taken_counts_no_more(self):
        inbox = self.make(max_queue=1)
        for _ in range(10):
            self.put(inbox, "x" * 100_000)
            inbox.get(None)
        self.put(inbox, "x")
        self.assertTrue(self.paused)
        self.assertFalse(self.stopped)

    def test_room_ends_the_stop(self):
        inbox = self.make(max_queue=1)
        self.put(inbox, "x" * 256 * 1024)
        inbox.get(None)
        self.assertFalse(self.stopped)
        self.assertFalse(self.paused)


class ClosingTests(InboxTestCase):
    def test_closing_reads_on_and_drops_what_has_no_room(self):
        inbox = self.make(max_queue=2)
        self.fill(inbox, 2)
        inbox.discard_when_full()
        self.assertFalse(self.paused)
        self.fill(inbox, 1000)
        self.assertFalse(self.paused)
        inbox.close(closed)
        for _ in range(2):
            self.assertEqual(self.successResultOf(inbox.get(None)), "x")
        self.failureResultOf(inbox.get(None), ConnectionClosedError)

    def test_closing_takes_messages_while_there_is_room(self):
        inbox = self.make(max_queue=2)
        inbox.discard_when_full()
        self.put(inbox, "a")
        self.assertEqual(self.successResultOf(inbox.get(None)), "a")

    def test_the_end_leaves_no_timer(self):
        inbox = self.make(max_queue=1)
        self.fill(inbox, 1)
        inbox.close(closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_reading_after_the_end_does_not_touch_the_transport(self):
        inbox = self.make(max_queue=1)
        self.fill(inbox, 1)
        inbox.close(closed)
        inbox.get(None)
        self.assertTrue(self.paused)

    def test_nothing_comes_after_what_was_dropped(self):
        inbox = self.make(max_queue=1)
        inbox.discard_when_full()
        for message in "abc":
            self.put(inbox, message)
        self.assertEqual(self.successResultOf(inbox.get(None)), "a")
        self.put(inbox, "d")
        inbox.close(closed)
        self.failureResultOf(inbox.get(None), ConnectionClosedError)


class Arriving:
    """Has the parts of an unfinished message, as a `wire.Connection` does."""

    def __init__(self):
        self.parts = []

    @property
    def unfinished(self):
        return sum(map(len, self.parts))

    def take_part(self):
        parts, self.parts = self.parts, []
        return "".join(parts)


class Stream:
    """Stands for an iteration over the pieces of a message."""


class PartTests(InboxTestCase):
    def setUp(self):
        self.inbox = self.make()
        self.stream = Stream()
        self.connection = Arriving()

    def arrive(self, part):
        self.connection.parts.append(part)
        self.inbox.put_unfinished(self.connection)

    def finish(self, rest=""):
        """End the unfinished message, as a read does."""
        self.inbox.arriving = None
        self.inbox.put_remainder(Remainder(rest))

    def part(self, stream=None):
        return self.inbox.get_part(stream or self.stream)

    def got(self, *expected, last=False):
        self.assertEqual(self.successResultOf(self.part()), Piece(*expected, last))

    def test_a_message_in_parts(self):
        self.arrive("a")
        self.got("a")
        waiting = self.part()
        self.assertNoResult(waiting)
        self.arrive("b")
        self.assertEqual(self.successResultOf(waiting), Piece("b", False))
        waiting = self.part()
        self.finish("c")
        self.assertEqual(self.successResultOf(waiting), Piece("c", True))

    def test_a_whole_message_is_one_part(self):
        self.put(self.inbox, "here already")
        self.got("here already", last=True)
        waiting = self.part()
        self.put(self.inbox, "comes later")
        self.assertEqual(self.successResultOf(waiting), Piece("comes later", True))

    def test_messages_that_wait_come_before_the_one_that_arrives(self):
        self.put(self.inbox, "first")
        self.arrive("second")
        self.got("first", last=True)
        self.got("second")

    def test_the_end_of_a_message_waits_until_it_is_asked_for(self):
        self.arrive("a")
        self.got("a")
        self.finish("b")
        self.put(self.inbox, "next")
        self.got("b", last=True)
        self.assertEqual(self.successResultOf(self.inbox.get(None)), "next")

    def test_a_part_must_not_overtake_messages_of_the_same_read(self):
        self.arrive("a")
        self.got("a")
        self.inbox.arriving = None
        self.connection.parts.append("third")
        self.inbox.put_remainder(Remainder("b"))
        self.got("b", last=True)
        waiting = self.part()
        self.assertNoResult(waiting)
        self.put(self.inbox, "second")
        self.assertEqual(self.successResultOf(waiting), Piece("second", True))

    def test_half_a_character_is_no_part(self):
        self.connection.take_part = lambda: ""
        self.arrive("x")
        waiting = self.part()
        self.arrive("y")
        self.assertNoResult(waiting)

    def test_one_who_waits_for_the_whole_message_gets_it_whole(self):
        waiting = self.inbox.get(None)
        self.arrive("a")
        self.assertNoResult(waiting)
        self.assertEqual(self.connection.unfinished, 1)
        self.put(self.inbox, "ab")
        self.assertEqual(self.successResultOf(waiting), "ab")

    def test_a_cancelled_stream_loses_nothing(self):
        self.arrive("a")
        self.got("a")
        waiting = self.part()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.arrive("b")
        self.got("b")

    def test_two_at_once_fail(self):
        self.part()
        for asked in (self.inbox.get(None), self.part(), self.part(Stream())):
            error = self.failureResultOf(asked, ConcurrencyError).value
            expected = "recv_streaming() has not come to the end of its message"
            self.assertEqual(str(error), expected)

    def test_a_stream_fails_while_recv_waits(self):
        self.inbox.get(None)
        error = self.failureResultOf(self.part(), ConcurrencyError).value
        self.assertEqual(str(error), "recv() is already waiting for a message")

    def test_nobody_else_gets_the_rest_of_a_message(self):
        self.arrive("a")
        self.got("a")
        self.arrive("b")
        for asked in (self.inbox.get(None), self.part(Stream())):
            self.failureResultOf(asked, ConcurrencyError)
        self.got("b")

    @counts_references
    def test_the_rest_is_dropped_when_the_stream_is_gone(self):
        for ask in (self.inbox.get, self.inbox.get_part):
            self.stream, other = Stream(), Stream()
            self.arrive("a")
            self.got("a")
            self.arrive("b")
            self.stream = None
            waiting = ask(None if ask == self.inbox.get else other)
            self.assertNoResult(waiting)
            self.arrive("c")
            self.assertEqual(self.connection.unfinished, 0)
            self.finish("d")
            self.assertNoResult(waiting)
            self.put(self.inbox, "next")
            self.assertIn(self.successResultOf(waiting), ("next", Piece("next", True)))

    @counts_references
    def test_an_end_that_waits_is_dropped_when_the_stream_is_gone(self):
        self.arrive("a")
        self.got("a")
        self.finish("b")
        self.stream = None
        self.put(self.inbox, "next")
        self.assertEqual(self.successResultOf(self.inbox.get(None)), "next")

    def test_reading_pauses_when_much_of_a_message_waits(self):
        self.arrive("a")
        self.got("a")
        self.arrive("x" * (READ_AHEAD - 1))
        self.assertFalse(self.paused)
        self.arrive("x")
        self.assertTrue(self.stopped)
        self.got("x" * READ_AHEAD)
        self.assertFalse(self.paused)

    def test_reading_goes_on_for_one_who_waits_for_the_whole(self):
        self.put(self.inbox, "a")
        self.inbox.get(None)
        self.arrive("x" * READ_AHEAD)
        self.assertTrue(self.paused)
        self.inbox.get(None)
        self.assertFalse(self.paused)
        self.arrive("x" * READ_AHEAD)
        self.assertFalse(self.paused)

    def test_reading_does_not_pause_where_nobody_ever_asks(self):
        self.arrive("x" * READ_AHEAD)
        self.assertFalse(self.paused)

    def test_after_the_end_what_has_arrived_can_still_be_got(self):
        self.arrive("a")
        self.got("a")
        self.arrive("b")
        self.inbox.close(closed)
        self.got("b")
        self.failureResultOf(self.part(), ConnectionClosedError)

    def test_the_end_fails_a_stream(self):
        waiting = self.part()
        self.inbox.close(closed)
        self.failureResultOf(waiting, ConnectionClosedError)

    def test_closing_reads_on_and_drops_what_has_no_room(self):
        self.arrive("a")
        self.got("a")
        self.inbox.discard_when_full()
        self.arrive("x" * READ_AHEAD)
        self.assertFalse(self.paused)
        self.arrive("x")
        self.assertEqual(self.connection.unfinished, 0)
        waiting = self.part()
        self.finish("the end of it all")
        self.put(self.inbox, "next")
        self.assertNoResult(waiting)
        self.inbox.close(closed)
        self.failureResultOf(waiting, ConnectionClosedError)
