"""The waits: the first is random, the others grow up to a limit."""

from itertools import islice
from statistics import mean

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txws2._time.backoff import Backoff, Pace


def first(count, backoff):
    return [round(delay, 2) for delay in islice(backoff.delays(), count)]


class BackoffTests(SynchronousTestCase):
    def test_the_first_is_random_and_the_others_grow(self):
        self.assertEqual(first(4, Backoff(random=lambda: 0.5)), [2.5, 3.1, 5.02, 8.12])

    def test_none_is_longer_than_the_maximum(self):
        delays = first(5000, Backoff())
        self.assertEqual(max(delays), 90)
        self.assertEqual(delays[-1], 90)
        self.assertEqual(delays.index(90), 9)

    def test_a_small_maximum_holds_for_all_of_them(self):
        backoff = Backoff(maximum=0.5, random=lambda: 0.5)
        self.assertEqual(first(3, backoff), [0.25, 0.5, 0.5])

    def test_each_time_it_begins_anew(self):
        backoff = Backoff(random=lambda: 1.0)
        self.assertEqual(first(2, backoff), first(2, backoff))

    def test_the_random_waits_are_spread(self):
        delays = [next(Backoff().delays()) for _ in range(1000)]
        self.assertTrue(2 < mean(delays) < 3)
        self.assertTrue(all(0 <= delay <= 5 for delay in delays))

    def test_a_constant_wait_is_possible(self):
        backoff = Backoff(initial=0, minimum=2, factor=1)
        self.assertEqual(first(3, backoff), [0, 2, 2])

    def test_senseless_numbers_are_an_error(self):
        for wrong in (
            {"initial": -1},
            {"minimum": -0.1},
            {"maximum": float("nan")},
            {"factor": 0.9},
            {"factor": float("nan")},
        ):
            with self.assertRaises(ValueError) as caught:
                Backoff(**wrong)
            self.assertIn(next(iter(wrong)), str(caught.exception))


class PaceTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.pace = Pace(Backoff(random=lambda: 0.5), self.clock)

    def last(self, seconds, in_trouble=False):
        """Use a connection for these seconds; return the wait after it."""
        self.pace.opened()
        self.clock.advance(seconds)
        return round(self.pace.ended(in_trouble), 2)

    def test_after_a_good_connection_there_is_no_wait(self):
        self.assertEqual([self.last(5), self.last(5)], [0, 0])

    def test_the_waits_grow_while_no_connection_lasts(self):
        waits = [self.last(1), self.pace.failed(), self.last(0), self.last(4.9)]
        self.assertEqual([round(wait, 2) for wait in waits], [2.5, 3.1, 5.02, 8.12])

    def test_after_a_good_one_they_begin_anew(self):
        self.pace.failed()
        self.pace.failed()
        self.last(5)
        self.assertEqual(self.pace.failed(), 2.5)

    def test_a_good_one_that_ended_in_trouble_is_followed_by_the_first_wait(self):
        self.pace.failed()
        self.pace.failed()
        self.assertEqual([self.last(5, True), self.last(5, True)], [2.5, 2.5])

    def test_a_connection_is_good_after_the_longer_one_of_the_first_two_waits(self):
        for options, seconds in (
            ({}, 5),
            ({"initial": 0}, 3.1),
            ({"minimum": 7}, 7),
            ({"maximum": 0.5}, 0.5),
            ({"initial": 0, "minimum": 0}, 0),
        ):
            self.assertEqual(Backoff(**options).good_after, seconds)

    def test_a_first_wait_of_zero_comes_only_once(self):
        self.pace = Pace(Backoff(initial=0), self.clock)
        self.assertEqual([self.last(0), self.last(0)], [0, 3.1])

    def test_a_clock_that_was_set_back_makes_no_connection_a_good_one(self):
        self.pace.opened()
        self.clock.rightNow -= 1000
        self.assertEqual(self.pace.ended(False), 2.5)
