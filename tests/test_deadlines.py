from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txws2.deadlines import Deadlines


class DeadlinesTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.missed = []
        self.deadlines = Deadlines(self.clock, 10, self.miss)

    def miss(self, connection):
        self.missed.append((connection, self.clock.seconds()))

    def add(self, *connections):
        """Enter connections a second apart."""
        for connection in connections:
            self.deadlines.add(connection)
            self.clock.advance(1)

    def test_each_has_its_time_on_one_timer(self):
        self.add("a", "b", "c")
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.pump([1] * 12)
        self.assertEqual(self.missed, [("a", 10), ("b", 11), ("c", 12)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_that_got_there_does_not_miss_it(self):
        self.add("a", "b")
        self.deadlines.discard("a")
        self.clock.pump([1] * 12)
        self.assertEqual(self.missed, [("b", 11)])

    def test_no_timer_stays_when_all_got_there(self):
        self.add("a", "b")
        for connection in ("a", "b", "b", "c"):
            self.deadlines.discard(connection)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_after_all_got_there_the_next_has_its_time(self):
        self.add("a")
        self.deadlines.discard("a")
        self.add("b")
        self.clock.pump([1] * 12)
        self.assertEqual(self.missed, [("b", 11)])

    def test_a_slow_reactor_is_late_for_many(self):
        self.add("a", "b", "c")
        self.clock.advance(8.5)
        self.assertEqual(self.missed, [("a", 11.5), ("b", 11.5)])
        self.clock.advance(0.5)
        self.assertEqual(self.missed[2:], [("c", 12)])

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

    def test_times_that_floats_cannot_add_up_to_are_kept(self):
        self.clock.advance(0.1)
        self.deadlines.add("a")
        self.clock.advance(0.2)
        self.deadlines.add("b")
        while self.clock.getDelayedCalls():
            self.clock.advance(self.clock.getDelayedCalls()[0].getTime() - self.clock.seconds())
        self.assertEqual([connection for connection, _ in self.missed], ["a", "b"])
