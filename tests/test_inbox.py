from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from txws2.exceptions import ConcurrencyError, ConnectionClosedError
from txws2.inbox import Inbox


def closed():
    return ConnectionClosedError(None, None)


class InboxTestCase(SynchronousTestCase):
    def make(self, max_queue=4):
        self.clock = Clock()
        self.transport = StringTransport()
        return Inbox(self.transport, self.clock, max_queue)

    def fill(self, inbox, number, message="x"):
        for _ in range(number):
            inbox.put(message)

    @property
    def paused(self):
        return self.transport.producerState == "paused"

    @property
    def stopped(self):
        return self.paused and not self.clock.getDelayedCalls()


class GetTests(InboxTestCase):
    def test_messages_come_in_their_order(self):
        inbox = self.make()
        inbox.put("a")
        inbox.put(b"b")
        got = [self.successResultOf(inbox.get(None)) for _ in range(2)]
        self.assertEqual(got, ["a", b"b"])

    def test_a_reader_waits_for_the_next_message(self):
        inbox = self.make()
        reading = inbox.get(None)
        self.assertNoResult(reading)
        inbox.put("a")
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
        inbox.put("a")
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
            inbox.put(message)
            self.assertEqual(self.successResultOf(reading), expected)
            inbox.put(message)
            self.assertEqual(self.successResultOf(inbox.get(decode)), expected)

    def test_bytes_that_are_no_text_fail_the_one_who_wants_text(self):
        inbox = self.make()
        reading = inbox.get(True)
        inbox.put(b"\xff")
        self.failureResultOf(reading, UnicodeDecodeError)
        inbox.put(b"\xff")
        self.failureResultOf(inbox.get(True), UnicodeDecodeError)

    def test_after_the_end_what_is_here_can_still_be_got(self):
        inbox = self.make()
        inbox.put("a")
        inbox.close(closed)
        self.assertEqual(self.successResultOf(inbox.get(None)), "a")
        self.failureResultOf(inbox.get(None), ConnectionClosedError)
        self.failureResultOf(inbox.get(None), ConnectionClosedError)

    def test_the_end_fails_a_reader(self):
        inbox = self.make()
        reading = inbox.get(None)
        inbox.close(closed)
        self.failureResultOf(reading, ConnectionClosedError)


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

    def test_a_full_queue_sips_once_a_second_until_a_message_comes(self):
        inbox = self.make(max_queue=4)
        self.fill(inbox, 4)
        self.clock.advance(0.9)
        self.assertTrue(self.paused)
        self.clock.advance(0.1)
        self.assertFalse(self.paused)
        self.fill(inbox, 1)
        self.assertTrue(self.paused)

    def test_several_messages_in_one_sip_are_all_kept(self):
        inbox = self.make(max_queue=1)
        for number in range(5):
            inbox.put(str(number))
        got = [self.successResultOf(inbox.get(None)) for _ in range(5)]
        self.assertEqual(got, ["0", "1", "2", "3", "4"])

    def test_it_stops_sipping_at_256_kib(self):
        inbox = self.make(max_queue=4)
        self.fill(inbox, 3)
        self.assertFalse(self.stopped)
        inbox.put("x" * 256 * 1024)
        self.assertTrue(self.stopped)
        self.clock.advance(100)
        self.assertTrue(self.paused)

    def test_empty_messages_count_for_the_memory_that_they_take(self):
        inbox = self.make(max_queue=1)
        for _ in range(5000):
            inbox.put("")
            self.clock.advance(1)
        self.assertTrue(self.stopped)

    def test_what_was_taken_counts_no_more(self):
        inbox = self.make(max_queue=1)
        for _ in range(10):
            inbox.put("x" * 100_000)
            inbox.get(None)
        inbox.put("x")
        self.assertTrue(self.paused)
        self.assertFalse(self.stopped)

    def test_room_ends_the_stop(self):
        inbox = self.make(max_queue=1)
        inbox.put("x" * 256 * 1024)
        inbox.get(None)
        self.assertFalse(self.stopped)
        self.assertFalse(self.paused)


class ListenTests(InboxTestCase):
    """Whether silence since `listen` is the peer's, and not ours."""

    def test_it_listens_while_there_is_room(self):
        inbox = self.make(max_queue=4)
        self.assertTrue(inbox.listening)
        inbox.listen()
        self.fill(inbox, 3)
        self.assertTrue(inbox.listening)

    def test_a_pause_is_not_forgotten_when_it_ends(self):
        inbox = self.make(max_queue=1)
        inbox.listen()
        self.fill(inbox, 1)
        inbox.get(None)
        self.assertFalse(self.paused)
        self.assertFalse(inbox.listening)

    def test_one_that_began_before_counts_too(self):
        inbox = self.make(max_queue=1)
        self.fill(inbox, 1)
        inbox.listen()
        inbox.get(None)
        self.assertFalse(inbox.listening)
        inbox.listen()
        self.assertTrue(inbox.listening)


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
        inbox.put("a")
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
