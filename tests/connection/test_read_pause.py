from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from txws2._connection.read_pause import READ_AHEAD, Reading


class ReadingTestCase(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.transport = StringTransport()
        self.reading = Reading(self.transport, self.clock)

    def is_paused(self, expected):
        self.assertEqual(self.reading.paused, expected)
        self.assertEqual(self.transport.producerState == "paused", expected)


class PauseTests(ReadingTestCase):
    def test_it_pauses_and_resumes(self):
        self.is_paused(False)
        self.reading.pause(0)
        self.is_paused(True)
        self.reading.resume()
        self.is_paused(False)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_pause_is_interrupted_once_a_second(self):
        for _ in range(3):
            self.reading.pause(READ_AHEAD - 1)
            self.clock.advance(0.9)
            self.is_paused(True)
            self.clock.advance(0.1)
            self.is_paused(False)

    def test_a_second_pause_changes_nothing(self):
        self.reading.pause(0)
        self.reading.pause(0)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_it_is_not_interrupted_when_256_kib_wait(self):
        self.reading.pause(256 * 1024)
        self.clock.advance(100)
        self.is_paused(True)

    def test_when_it_does_not_pause_there_is_nothing_to_resume(self):
        self.transport.resumeProducing = self.fail
        self.reading.resume()

    def test_once_closed_the_transport_is_left_alone(self):
        self.reading.pause(0)
        self.reading.close()
        self.transport.resumeProducing = self.fail
        self.reading.resume()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class HoldTests(ReadingTestCase):
    def is_stopped(self, expected):
        self.assertEqual(self.transport.producerState == "paused", expected)

    def test_it_is_held_until_it_is_released(self):
        for _ in range(2):
            self.reading.hold()
        self.is_stopped(True)
        for _ in range(2):
            self.reading.release()
        self.is_stopped(False)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_pause_is_interrupted_once_a_second_until_something_comes(self):
        self.reading.hold()
        for _ in range(3):
            self.reading.hold_on(0)
            self.clock.advance(0.9)
            self.is_stopped(True)
            self.clock.advance(0.1)
            self.is_stopped(False)
            self.reading.hold_on(READ_AHEAD - 1)
            self.is_stopped(True)

    def test_not_so_when_256_kib_wait(self):
        self.reading.hold()
        self.clock.advance(1)
        self.reading.hold_on(READ_AHEAD)
        self.clock.advance(100)
        self.is_stopped(True)
        self.reading.release()
        self.is_stopped(False)

    def test_a_read_without_waiting_messages_stops_nothing(self):
        self.reading.hold_on(0)
        self.is_stopped(False)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_once_closed_the_transport_is_left_alone(self):
        self.reading.hold()
        self.reading.close()
        self.transport.resumeProducing = self.fail
        self.reading.release()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_pause_for_one_reason_outlasts_the_other_reason(self):
        self.reading.hold()
        self.reading.pause(0)
        self.reading.release()
        self.is_stopped(True)
        self.reading.hold()
        self.reading.resume()
        self.is_stopped(True)
        self.reading.release()
        self.is_stopped(False)

    def test_nobody_listens_while_it_is_held(self):
        self.reading.hold()
        self.reading.listen()
        self.assertFalse(self.reading.listening)


class ListenTests(ReadingTestCase):
    """Silence since `listen` may be the peer's, or be due to our own pause."""

    def test_it_listens_while_it_reads(self):
        self.assertTrue(self.reading.listening)
        self.reading.listen()
        self.assertTrue(self.reading.listening)

    def test_a_pause_is_not_forgotten_when_it_ends(self):
        self.reading.listen()
        self.reading.pause(0)
        self.reading.resume()
        self.assertFalse(self.reading.listening)

    def test_one_that_began_before_counts_too(self):
        self.reading.pause(0)
        self.reading.listen()
        self.reading.resume()
        self.assertFalse(self.reading.listening)
        self.reading.listen()
        self.assertTrue(self.reading.listening)
