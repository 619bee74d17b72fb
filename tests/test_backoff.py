"""How long the waits are: the first at random, the others growing up to a limit."""

from itertools import islice
from statistics import mean

from twisted.trial.unittest import SynchronousTestCase

from txws2.backoff import Backoff


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

    def test_what_makes_no_sense_is_an_error(self):
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
