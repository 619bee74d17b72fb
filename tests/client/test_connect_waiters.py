"""Those who wait for a connection: what each gets, and when."""

from twisted.internet.defer import CancelledError

from tests.support.sides import QuietTestCase
from txws2.client.connect_waiters import Expecting


class ExpectingTests(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.expecting = Expecting()

    def test_the_one_that_has_waited_longest_comes_first(self):
        first, second = self.expecting.wait(None), self.expecting.wait(None)
        self.expecting.fire_one("ws")
        self.assertEqual(self.successResultOf(first), "ws")
        self.assertNoResult(second)
        self.assertTrue(self.expecting)
        self.expecting.fire_one("ws")
        self.assertFalse(self.expecting)

    def test_each_waits_for_as_many_failures_as_it_likes(self):
        patient, once, twice = (self.expecting.wait(failures) for failures in (None, 1, 2))
        error = KeyError()
        self.expecting.attempt_failed(error)
        self.assertIs(self.failureResultOf(once).value, error)
        self.assertNoResult(twice)
        self.expecting.attempt_failed(error)
        self.failureResultOf(twice, KeyError)
        self.assertNoResult(patient)

    def test_one_that_fails_may_cancel_another(self):
        first, second = self.expecting.wait(1), self.expecting.wait(1)
        first.addErrback(lambda _: second.cancel())
        self.expecting.attempt_failed(KeyError())
        self.failureResultOf(second, CancelledError)

    def test_cancelling_is_for_each_alone(self):
        first, second = self.expecting.wait(None), self.expecting.wait(None)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.expecting.fire_one("ws")
        self.assertEqual(self.successResultOf(second), "ws")

    def test_all_can_fail(self):
        waiting = [self.expecting.wait(None), self.expecting.wait(5)]
        self.expecting.fail(KeyError())
        for each in waiting:
            self.failureResultOf(each, KeyError)
        self.assertFalse(self.expecting)

    def test_nobody_has_to_look_at_a_failure(self):
        self.expecting.wait(1)
        self.expecting.wait(None)
        self.expecting.attempt_failed(KeyError())
        self.expecting.fail(KeyError())
