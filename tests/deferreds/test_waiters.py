import gc

from twisted.internet.defer import CancelledError, Deferred

from tests.support.sides import QuietTestCase
from txws2._deferreds.waiters import Waiters, fail_quietly


class FailQuietlyTests(QuietTestCase):
    def failed(self, prepare=lambda deferred: None):
        deferred = Deferred()
        prepare(deferred)
        fail_quietly(deferred, ValueError("gone"))
        return deferred

    def test_nothing_is_logged_if_nobody_looks(self):
        self.failed()
        gc.collect()
        self.assertEqual(self.take_loud(), [])

    def test_nothing_is_logged_if_somebody_looks_only_for_success(self):
        self.failed(lambda deferred: deferred.addCallback(len))
        gc.collect()
        self.assertEqual(self.take_loud(), [])

    def test_a_later_errback_gets_the_failure(self):
        self.failureResultOf(self.failed(), ValueError)

    def test_an_exception_of_an_errback_is_logged(self):
        def broken(_):
            raise KeyError("mistake")

        self.failed(lambda deferred: deferred.addErrback(broken))
        gc.collect()
        self.assertIn("mistake", str(self.take_loud()))

    def test_an_exception_of_a_late_errback_is_logged(self):
        def broken(_):
            raise KeyError("mistake")

        self.failed().addErrback(broken)
        gc.collect()
        self.assertIn("mistake", str(self.take_loud()))

    def test_one_that_handled_it_is_left_alone(self):
        deferred = self.failed(lambda deferred: deferred.addErrback(lambda _: "handled"))
        self.assertEqual(self.successResultOf(deferred), "handled")

    def test_one_that_was_cancelled_is_left_alone(self):
        deferred = self.failed(Deferred.cancel)
        self.failureResultOf(deferred, CancelledError)


class WaitersTests(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.waiters = Waiters()
        self.waiting = [self.waiters.wait() for _ in range(3)]

    def test_all_get_the_result(self):
        self.waiters.fire("now")
        self.assertEqual([self.successResultOf(each) for each in self.waiting], ["now"] * 3)
        self.assertEqual(len(self.waiters), 0)

    def test_one_gets_it_who_has_waited_longest(self):
        self.waiters.fire_one("now")
        self.assertEqual(self.successResultOf(self.waiting[0]), "now")
        self.assertEqual(len(self.waiters), 2)

    def test_all_fail(self):
        self.waiters.fail(ValueError)
        for each in self.waiting:
            self.failureResultOf(each, ValueError)

    def test_one_cancels_and_the_others_wait_on(self):
        self.waiting[1].cancel()
        self.failureResultOf(self.waiting.pop(1), CancelledError)
        self.waiters.fire("now")
        self.assertEqual([self.successResultOf(each) for each in self.waiting], ["now"] * 2)

    def test_a_waiter_may_cancel_another_while_it_fires(self):
        self.waiting[0].addCallback(lambda _: self.waiting[1].cancel())
        self.waiters.fire("now")
        self.failureResultOf(self.waiting[1], CancelledError)
        self.assertEqual(self.successResultOf(self.waiting[2]), "now")
