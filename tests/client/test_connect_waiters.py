"""The Deferreds that wait for a connection: their results, and when they fire."""

from twisted.internet.defer import CancelledError

from tests.support.sides import QuietTestCase
from txws2.client.connect_waiters import ConnectWaiters


class ExpectingTests(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.waiters = ConnectWaiters()

    def test_the_one_that_has_waited_longest_comes_first(self):
        first, second = self.waiters.wait(None), self.waiters.wait(None)
        self.waiters.fire_one("ws")
        self.assertEqual(self.successResultOf(first), "ws")
        self.assertNoResult(second)
        self.assertTrue(self.waiters)
        self.waiters.fire_one("ws")
        self.assertFalse(self.waiters)

    def test_each_waits_for_as_many_failures_as_it_likes(self):
        patient, once, twice = (self.waiters.wait(failures) for failures in (None, 1, 2))
        error = KeyError()
        self.waiters.attempt_failed(error)
        self.assertIs(self.failureResultOf(once).value, error)
        self.assertNoResult(twice)
        self.waiters.attempt_failed(error)
        self.failureResultOf(twice, KeyError)
        self.assertNoResult(patient)

    def test_one_that_fails_may_cancel_another(self):
        first, second = self.waiters.wait(1), self.waiters.wait(1)
        first.addErrback(lambda _: second.cancel())
        self.waiters.attempt_failed(KeyError())
        self.failureResultOf(second, CancelledError)

    def test_cancelling_is_for_each_alone(self):
        first, second = self.waiters.wait(None), self.waiters.wait(None)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.waiters.fire_one("ws")
        self.assertEqual(self.successResultOf(second), "ws")

    def test_all_can_fail(self):
        waiting = [self.waiters.wait(None), self.waiters.wait(5)]
        self.waiters.fail(KeyError())
        for each in waiting:
            self.failureResultOf(each, KeyError)
        self.assertFalse(self.waiters)

    def test_nobody_has_to_look_at_a_failure(self):
        self.waiters.wait(1)
        self.waiters.wait(None)
        self.waiters.attempt_failed(KeyError())
        self.waiters.fail(KeyError())
