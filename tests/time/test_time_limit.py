"""One deadline for several steps."""

import contextlib

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txws2._time.time_limit import TimeLimit
from txws2.exceptions import OpeningTimeout


class TimeLimitTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.limit = TimeLimit(self.clock, 10)

    def assertNothingLeft(self):
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_step_has_what_it_is_done_with(self):
        async def coroutine():
            return "done"

        for result in "done", succeed("done"), coroutine():
            self.assertEqual(self.successResultOf(self.limit.wait(result, "it")), "done")
        self.failureResultOf(self.limit.wait(fail(KeyError()), "it"), KeyError)
        self.assertNothingLeft()

    def test_a_step_may_take_its_time(self):
        working = Deferred()
        waiting = self.limit.wait(working, "it")
        self.clock.advance(9.9)
        working.callback("done")
        self.assertEqual(self.successResultOf(waiting), "done")
        self.assertNothingLeft()

    def test_all_of_them_have_that_time_together(self):
        working = Deferred()
        self.clock.advance(4)
        self.assertEqual(self.limit.remaining, 6)
        waiting = self.limit.wait(working, "it")
        self.clock.advance(5.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.1)
        self.assertEqual(self.failureResultOf(waiting, OpeningTimeout).value.stage, "it")
        self.assertTrue(working.called)
        self.assertEqual(self.limit.remaining, 0)

    def test_there_may_be_no_limit(self):
        limit = TimeLimit(self.clock, None)
        limit.wait(Deferred(), "it")
        self.assertIsNone(limit.remaining)
        self.assertNothingLeft()

    def test_cancelling_it_cancels_the_step(self):
        working = Deferred()
        waiting = self.limit.wait(working, "it")
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertTrue(working.called)
        self.assertNothingLeft()

    def test_a_step_can_not_hold_that_up_nor_make_anything_else_of_it(self):
        for canceller in (
            lambda working: working.callback("done"),
            lambda working: working.errback(KeyError()),
        ):
            for end in Deferred.cancel, lambda _: self.clock.advance(10):
                self.limit = TimeLimit(self.clock, 10)
                waiting = self.limit.wait(Deferred(canceller), "it")
                end(waiting)
                self.failureResultOf(waiting, CancelledError, OpeningTimeout)
                self.assertNothingLeft()

    def test_a_step_that_never_ends_can_not_hold_that_up(self):
        async def stubborn():
            while True:
                with contextlib.suppress(CancelledError):
                    await Deferred()

        waiting = self.limit.wait(stubborn(), "it")
        self.clock.advance(10)
        self.failureResultOf(waiting, OpeningTimeout)
