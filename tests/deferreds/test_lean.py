import gc

from twisted.internet.defer import AlreadyCalledError, CancelledError, Deferred, succeed

from tests.support.sides import QuietTestCase
from txws2._deferreds.lean import Done, Next


def run(coroutine):
    return Deferred.fromCoroutine(coroutine)


class DoneTests(QuietTestCase):
    def test_it_has_fired(self):
        self.assertIsNone(self.successResultOf(Done()))

    def test_it_can_be_awaited(self):
        async def wait():
            return await Done()

        self.assertIsNone(self.successResultOf(run(wait())))

    def test_what_was_made_of_it_is_awaited(self):
        later = Deferred()

        async def wait():
            return await Done().addCallback(lambda _: "a") + await Done().addCallback(
                lambda _: later
            )

        waiting = run(wait())
        self.assertNoResult(waiting)
        later.callback("b")
        self.assertEqual(self.successResultOf(waiting), "ab")

    def test_what_was_raised_is_awaited(self):
        async def wait():
            await Done().addCallback(lambda _: 1 // 0)

        self.failureResultOf(run(wait()), ZeroDivisionError)

    def test_while_it_is_paused_it_is_waited_for(self):
        done = Done()
        done.pause()

        async def wait():
            return await done

        waiting = run(wait())
        self.assertNoResult(waiting)
        done.unpause()
        self.assertIsNone(self.successResultOf(waiting))

    def test_whoever_fires_it_again_is_told(self):
        self.assertRaises(AlreadyCalledError, Done().callback, None)
        self.assertRaises(AlreadyCalledError, Done().errback, ZeroDivisionError())

    def test_each_is_one_of_its_own(self):
        Done().addCallback(lambda _: "a")
        self.assertIsNone(self.successResultOf(Done()))

    def test_cancelling_it_is_as_with_others(self):
        done = Done()
        done.cancel()
        self.assertIsNone(self.successResultOf(done))


class NextTests(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.cancelled = []
        self.next = Next()
        self.next.canceller = self.cancelled.append
        self.got = []

    async def wait(self):
        self.got.append(await self.next)
        return "done"

    def test_what_awaits_it_gets_the_result(self):
        waiting = run(self.wait())
        self.assertNoResult(waiting)
        self.next.callback("a")
        self.assertEqual((self.got, self.successResultOf(waiting)), (["a"], "done"))
        self.assertIsNone(self.successResultOf(self.next))

    def test_if_it_has_fired_there_is_nothing_to_wait_for(self):
        self.next.callback("a")
        self.assertEqual(self.successResultOf(run(self.wait())), "done")
        self.assertEqual(self.got, ["a"])

    def test_what_awaits_it_gets_the_failure(self):
        waiting = run(self.wait())
        self.next.errback(ZeroDivisionError())
        self.failureResultOf(waiting, ZeroDivisionError)

    def test_a_failure_that_nobody_awaits_is_logged(self):
        self.next.errback(ZeroDivisionError())
        self.next = None
        gc.collect()
        self.assertIn("Unhandled error in Deferred", self.take_loud()[0]["log_format"])
        self.flushLoggedErrors(ZeroDivisionError)

    def test_it_is_cancelled_with_what_awaits_it(self):
        waiting = run(self.wait())
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(self.cancelled, [self.next])

    def test_it_fires_once(self):
        self.next.callback("a")
        self.assertRaises(AlreadyCalledError, self.next.callback, "b")
        self.assertRaises(AlreadyCalledError, self.next.errback, ZeroDivisionError())
        self.assertEqual(self.successResultOf(self.next), "a")

    def test_what_is_chained_to_it_gets_the_result(self):
        chained = succeed(None).addCallback(lambda _: self.next)
        self.assertNoResult(chained)
        self.next.callback("a")
        self.assertEqual(self.successResultOf(chained), "a")

    def test_it_can_be_cancelled_though_nothing_awaits_it(self):
        self.next.cancel()
        self.failureResultOf(self.next, CancelledError)
        self.assertEqual(self.cancelled, [self.next])

    def test_with_callbacks_it_is_as_others_are(self):
        self.next.addCallback("{}b".format)
        self.next.addBoth("{}{x}".format, x="c")
        self.next.callback("a")
        self.next.addBoth(lambda result: succeed(result + "d"))
        self.assertEqual(self.successResultOf(self.next), "abcd")

    def test_what_is_added_to_what_awaits_it_gets_what_that_has_left(self):
        def note(*results):
            self.got.append(results)

        waiting = run(self.wait())
        self.next.addBoth(note)
        self.next.addCallback(note)
        self.next.addErrback(self.fail)
        self.next.addCallbacks(note, self.fail)
        self.next.callback("a")
        self.successResultOf(waiting)
        self.assertEqual(self.got, ["a", (None,), (None,), (None,)])
