from unittest.mock import Mock

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txws2._connection.keepalive import Keepalive
from txws2._transport.progress import Progress


class Connection:
    heard = False
    # The number of times that the transport has asked for more.
    asked = 0
    # True if it goes on although nothing was heard.
    stays = False

    def __init__(self, clock, keepalive=None):
        self.clock = clock
        self.keepalive = keepalive
        self.pings, self.failures = [], []

    def keepalive_ping(self):
        self.pings.append(self.clock.seconds())

    def keepalive_progress(self):
        return Progress(unsent=0, asked=self.asked)

    def keepalive_failed(self):
        self.failures.append(self.clock.seconds())
        if not self.stays:
            self.keepalive.discard(self)


class KeepaliveTestCase(SynchronousTestCase):
    def make(self, interval=20, timeout=20):
        self.clock = Clock()
        self.keepalive = Keepalive(self.clock, interval, timeout)

    def add(self):
        connection = Connection(self.clock, self.keepalive)
        self.keepalive.add(connection)
        return connection

    def pass_time(self, seconds, *alive, step=0.25):
        for _ in range(int(seconds / step)):
            self.clock.advance(step)
            for connection in alive:
                connection.heard = True


class KeepaliveTests(KeepaliveTestCase):
    def test_an_error_of_one_connection_leaves_the_others_kept_alive(self):
        self.make()
        broken, dead, alive = self.add(), self.add(), self.add()
        broken.keepalive_ping = broken.keepalive_failed = Mock(side_effect=SystemExit)
        self.pass_time(40, alive)
        self.assertEqual(len(dead.failures), 1)
        self.pass_time(20, alive)
        self.assertEqual(len(alive.pings), 3)
        # The broken connection was pinged three times, and judged twice.
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 5)

    def test_those_that_come_together_are_pinged_together(self):
        self.make()
        together = []
        for _ in range(5):
            together.append(self.add())
            self.clock.advance(0.001)
        self.clock.pump([1] * 20)
        pings = [connection.pings for connection in together]
        self.assertEqual(pings, [[self.clock.seconds()]] * 5)

    def test_one_may_end_another_that_is_due(self):
        self.make()
        first, second = self.add(), self.add()
        first.keepalive_ping = lambda: self.keepalive.discard(second)
        self.pass_time(20)
        self.assertEqual(second.pings, [])

    def test_pings_come_in_the_interval_and_never_late(self):
        self.make()
        connection = self.add()
        self.pass_time(100, connection)
        self.assertEqual(connection.pings, [20, 40, 60, 80, 100])

    def test_one_that_comes_between_ticks_is_pinged_a_little_early(self):
        self.make()
        self.add()
        self.pass_time(0.5)
        connection = self.add()
        self.pass_time(21, connection)
        self.assertEqual(connection.pings, [20])

    def test_silence_after_a_ping_fails_it_once(self):
        self.make()
        connection = self.add()
        self.pass_time(200)
        self.assertEqual(connection.failures, [40])
        self.assertEqual(connection.pings, [20])

    def test_a_failure_is_found_within_both_times_whenever_silence_begins(self):
        for silence in (0, 0.25, 5, 19.75, 20, 20.25, 39.75):
            self.make()
            connection = self.add()
            self.pass_time(silence, connection)
            self.pass_time(40)
            self.assertEqual(len(connection.failures), 1, silence)

    def test_without_a_timeout_nothing_fails(self):
        self.make(timeout=None)
        connection = self.add()
        self.pass_time(100)
        self.assertEqual(len(connection.pings), 5)
        self.assertEqual(connection.failures, [])

    def test_a_timeout_longer_than_the_interval_lets_pings_go_on(self):
        self.make(interval=10, timeout=30)
        connection = self.add()
        self.pass_time(100)
        self.assertEqual(connection.pings, [10, 20, 30])
        self.assertEqual(connection.failures, [40])

    def test_a_timeout_shorter_than_the_interval_is_kept_to(self):
        self.make(interval=60, timeout=2)
        connection = self.add()
        self.pass_time(100)
        self.assertEqual(connection.failures, [62])

    def test_one_fails_and_the_others_live_on(self):
        self.make()
        dead, alive = self.add(), self.add()
        self.pass_time(60, alive)
        self.assertEqual(dead.failures, [40])
        self.assertEqual(alive.failures, [])
        self.assertEqual(alive.pings, [20, 40, 60])

    def test_one_that_is_discarded_is_let_be(self):
        self.make()
        connection = self.add()
        self.pass_time(25)
        self.keepalive.discard(connection)
        self.keepalive.discard(connection)
        self.pass_time(100)
        self.assertEqual(connection.failures, [])

    def test_one_that_knows_better_is_pinged_again(self):
        self.make()
        connection = self.add()
        connection.stays = True
        self.pass_time(80)
        self.assertEqual(connection.failures, [40, 60, 80])
        self.assertEqual(connection.pings, [20, 40, 60, 80])

    def test_nothing_ticks_when_nobody_is_there(self):
        self.make()
        first, second = self.add(), self.add()
        self.keepalive.discard(first)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.keepalive.rest()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.keepalive.discard(second)
        self.keepalive.rest()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_tick_that_finds_nobody_is_the_last(self):
        self.make()
        self.keepalive.discard(self.add())
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.pass_time(20)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_ticks_again_for_the_next(self):
        self.make()
        self.keepalive.discard(self.add())
        connection = self.add()
        self.pass_time(20)
        self.assertEqual(connection.pings, [20])

    def test_one_ticking_is_enough_though_a_failure_brings_a_new_connection(self):
        self.make()
        connection = self.add()

        def replace():
            self.keepalive.discard(connection)
            self.add()

        connection.keepalive_failed = replace
        self.pass_time(41)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)


class ProgressTests(KeepaliveTestCase):
    """Attack 28: a slow reader gets a ping after all bytes that were sent before it."""

    def read(self, connection, seconds, step=0.25):
        """Let the peer read for this long, and answer nothing."""
        for _ in range(int(seconds / step)):
            connection.asked += 1
            self.clock.advance(step)

    def test_one_that_reads_is_alive_whatever_it_answers(self):
        self.make()
        connection = self.add()
        self.read(connection, 200)
        self.assertEqual(connection.failures, [])
        self.assertEqual(connection.pings, list(range(20, 201, 20)))

    def test_one_that_ceases_to_is_found_within_both_times(self):
        for seconds in (25, 30.25, 39.75, 45, 50.25, 77):
            self.make()
            connection = self.add()
            self.read(connection, seconds)
            self.pass_time(60)
            [failure] = connection.failures
            self.assertLessEqual(failure - seconds, 40)

    def test_one_that_answers_at_last_has_nothing_held_against_it(self):
        self.make()
        connection = self.add()
        self.read(connection, 70)
        connection.heard = True
        self.pass_time(20)
        self.assertEqual(connection.failures, [])
        # The connection was pinged at 80, and nothing was heard since.
        self.pass_time(40)
        self.assertEqual(connection.failures, [100])

    def test_a_connection_that_answers_in_time_is_not_asked_for_its_progress(self):
        self.make()
        connection = self.add()
        connection.keepalive_progress = lambda: self.fail("it was asked")
        self.pass_time(100, connection)

    def test_progress_before_it_was_watched_does_not_count(self):
        self.make()
        connection = self.add()
        self.read(connection, 22)
        self.pass_time(20)
        self.assertEqual(connection.failures, [40])

    def test_one_that_leaves_while_it_is_watched_is_let_be(self):
        self.make()
        connection = self.add()
        self.pass_time(35)
        self.keepalive.discard(connection)
        self.pass_time(35)
        self.assertEqual(connection.failures, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_pause_while_it_is_watched_is_no_fault_of_its(self):
        self.make()
        connection = self.add()
        self.pass_time(35)
        self.clock.advance(100)
        self.assertEqual(connection.failures, [])
        self.read(connection, 5)
        self.pass_time(9)
        self.assertEqual(connection.failures, [])
        self.pass_time(30)
        self.assertEqual(len(connection.failures), 1)

    def test_a_dead_peer_is_found_in_time_for_any_options(self):
        for interval, timeout in ((20, 7), (7, 20), (20, 30), (1, 60)):
            self.make(interval, timeout)
            connection = self.add()
            tick = min(interval, timeout) / 20
            self.pass_time(2 * (interval + timeout), step=tick / 2)
            [failure] = connection.failures
            self.assertLessEqual(failure, interval + timeout + 1.6 * tick)


class PauseTests(KeepaliveTestCase):
    """Pauses of the server, and clocks that are set: Twisted's reactors use `time.time`."""

    def test_a_process_that_was_busy_reads_before_it_judges(self):
        self.make(interval=1, timeout=1)
        alive, dead = self.add(), self.add()
        self.pass_time(1, step=0.05)
        self.clock.advance(5)
        self.assertEqual((alive.failures, dead.failures), ([], []))
        alive.heard = True
        self.pass_time(1, step=0.05)
        self.assertEqual((len(alive.failures), len(dead.failures)), (0, 1))

    def test_after_a_pause_all_have_the_time_that_they_had_left(self):
        self.make()
        connection = self.add()
        self.pass_time(25)
        self.clock.advance(3600)
        self.pass_time(30, step=1)
        # The peer had 15 seconds, of which the pause counts as one.
        self.assertEqual(connection.failures, [25 + 3600 + 14])

    def test_one_that_is_due_in_the_very_tick_of_a_pause_is_read_first(self):
        self.make()
        alive, dead = self.add(), self.add()
        self.pass_time(39.25)
        self.clock.advance(30)
        self.assertEqual((alive.failures, dead.failures), ([], []))
        alive.heard = True
        self.pass_time(2)
        self.assertEqual((len(alive.failures), len(dead.failures)), (0, 1))

    def test_a_process_that_is_never_in_time_finds_the_dead_all_the_same(self):
        self.make(interval=1, timeout=1)
        connection = self.add()
        self.pass_time(60, step=0.6)
        self.assertEqual(len(connection.failures), 1)

    def test_a_pause_before_the_first_tick_counts_from_when_the_connection_came(self):
        self.make()
        self.clock.advance(3600)
        connection = self.add()
        self.pass_time(50)
        self.assertEqual(connection.failures, [3640])

    def test_one_that_was_never_pinged_is_pinged_after_a_pause(self):
        self.make()
        connection = self.add()
        self.clock.advance(3600)
        self.assertEqual(connection.pings, [3600])
        self.assertEqual(connection.failures, [])

    def test_a_clock_that_is_set_back_fails_nobody(self):
        self.make()
        connection = self.add()
        self.pass_time(25)
        self.clock.rightNow -= 3600
        self.pass_time(3600, connection, step=1)
        self.pass_time(100, connection)
        self.assertEqual(connection.failures, [])

    def test_without_a_timeout_a_pause_is_nothing(self):
        self.make(timeout=None)
        connection = self.add()
        self.clock.advance(100)
        self.assertEqual(connection.failures, [])
