from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txws2._time.deadlines import Deadlines


class DeadlinesTestCase(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.missed = []
        self.deadlines = Deadlines(self.clock, 10, self.miss)

    def miss(self, connection):
        self.missed.append((connection, self.clock.seconds()))

    def add(self, *connections):
        """Add connections, one each second."""
        for connection in connections:
            self.deadlines.add(connection)
            self.clock.advance(1)


class DeadlinesTests(DeadlinesTestCase):
    def test_each_has_its_time_on_one_timer(self):
        self.add("a", "b", "c")
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.pump([1] * 12)
        self.assertEqual(self.missed, [("a", 10), ("b", 11), ("c", 12)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_an_error_of_one_leaves_the_others_their_time(self):
        for connection in ("a", "b", "c"):
            self.add(connection)
        self.deadlines._missed = lambda connection: (
            exec("raise SystemExit") if connection == "a" else self.miss(connection)
        )
        self.clock.pump([1] * 12)
        self.assertEqual(self.missed, [("b", 11), ("c", 12)])
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 1)

    def test_one_that_got_there_does_not_miss_it(self):
        self.add("a", "b")
        self.deadlines.discard("a")
        self.clock.pump([1] * 12)
        self.assertEqual(self.missed, [("b", 11)])

    def test_no_timer_stays_when_all_got_there(self):
        self.add("a", "b")
        for connection in ("a", "a", "c", "b"):
            self.deadlines.rest()
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
            self.deadlines.discard(connection)
        self.deadlines.rest()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_those_that_come_and_go_start_no_timer_each(self):
        self.add("a")
        [timer] = self.clock.getDelayedCalls()
        for _ in range(3):
            self.deadlines.discard("a")
            self.add("a")
        self.assertEqual(self.clock.getDelayedCalls(), [timer])

    def test_a_timer_that_finds_nobody_is_the_last(self):
        self.add("a")
        self.deadlines.discard("a")
        self.clock.pump([1] * 12)
        self.assertEqual((self.clock.getDelayedCalls(), self.missed), ([], []))

    def test_after_all_got_there_the_next_has_its_time(self):
        self.add("a")
        self.deadlines.discard("a")
        self.add("b")
        self.clock.pump([1] * 12)
        self.assertEqual(self.missed, [("b", 11)])

    def test_the_first_may_take_the_next_away(self):
        for connection in ("a", "b", "c"):
            self.deadlines.add(connection)
        self.deadlines._missed = lambda connection: (
            self.miss(connection),
            self.deadlines.discard("b"),
        )
        self.clock.advance(10)
        self.assertEqual(self.missed, [("a", 10), ("c", 10)])

    def test_one_may_be_entered_again_at_once(self):
        self.deadlines._missed = lambda connection: (
            self.miss(connection),
            self.deadlines.add(connection),
        )
        self.deadlines.add("a")
        self.clock.pump([10, 10])
        self.assertEqual(self.missed, [("a", 10), ("a", 20)])

    def test_one_that_is_entered_again_does_not_keep_the_next_waiting(self):
        self.deadlines._missed = lambda connection: (
            self.miss(connection),
            self.deadlines.add(connection),
        )
        self.add("a", "b", "c")
        self.clock.pump([1] * 12)
        self.assertEqual(self.missed, [("a", 10), ("b", 11), ("c", 12)])

    def test_times_that_floats_cannot_add_up_to_are_kept(self):
        self.clock.advance(0.1)
        self.deadlines.add("a")
        self.clock.advance(0.2)
        self.deadlines.add("b")
        while self.clock.getDelayedCalls():
            self.clock.advance(self.clock.getDelayedCalls()[0].getTime() - self.clock.seconds())
        self.assertEqual([connection for connection, _ in self.missed], ["a", "b"])


class PauseTests(DeadlinesTestCase):
    """The process itself pauses: data that came meanwhile may still wait in the sockets."""

    def test_bytes_read_in_the_turn_in_which_the_time_is_up_count(self):
        self.deadlines.add("a")
        self.clock.callLater(10, self.deadlines.discard, "a")
        self.clock.advance(10)
        self.assertEqual(self.missed, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_process_that_was_busy_reads_for_a_tenth_of_the_time_before_it_judges(self):
        self.add("a", "b", "c")
        self.clock.advance(30)
        self.clock.advance(0.5)
        self.assertEqual(self.missed, [])
        self.deadlines.discard("b")
        self.clock.advance(0.5)
        self.assertEqual(self.missed, [("a", 34), ("c", 34)])

    def test_one_that_comes_after_a_pause_has_all_its_time(self):
        self.add("a")
        self.clock.advance(30)
        self.deadlines.add("b")
        self.clock.pump([0.5] * 30)
        self.assertEqual(self.missed, [("a", 32), ("b", 41)])

    def test_one_that_becomes_due_while_it_reads_is_not_late_once_more(self):
        self.add("a")
        self.clock.advance(0.25)
        self.add("b")
        self.clock.advance(8.875)
        self.assertEqual(self.missed, [])
        self.clock.advance(1.25)
        self.assertEqual(self.missed, [("a", 12.375), ("b", 12.375)])

    def test_a_process_that_is_never_in_time_finds_them_all_the_same(self):
        self.deadlines.add("a")
        self.clock.pump([7] * 2)
        self.deadlines.add("b")
        self.assertEqual(self.missed, [])
        self.clock.pump([7] * 3)
        self.assertEqual(self.missed, [("a", 21), ("b", 35)])

    def test_a_little_late_is_late_for_those_that_are_due_by_then(self):
        self.add("a", "b", "c")
        self.clock.advance(8)
        self.assertEqual(self.missed, [("a", 11), ("b", 11)])
        self.clock.advance(1)
        self.assertEqual(self.missed[2:], [("c", 12)])
