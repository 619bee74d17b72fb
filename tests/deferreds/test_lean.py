import gc
import sys
from weakref import ref

from twisted.internet.defer import AlreadyCalledError, CancelledError, Deferred, succeed
from twisted.python.failure import Failure

from tests.support.sides import QuietTestCase
from txws2._deferreds.lean import Done, Next, Received


def run(coroutine):
    return Deferred.fromCoroutine(coroutine)


class DoneTests(QuietTestCase):
    def test_it_has_fired(self):
        self.assertIsNone(self.successResultOf(Done()))

    def test_it_can_be_awaited(self):
        async def wait():
            return await Done()

        self.assertIsNone(self.successResultOf(run(wait())))

    def test_the_result_of_its_callbacks_is_awaited(self):
        later = Deferred()

        async def wait():
            return await Done().addCallback(lambda _: "a") + await Done().addCallback(
                lambda _: later
            )

        waiting = run(wait())
        self.assertNoResult(waiting)
        later.callback("b")
        self.assertEqual(self.successResultOf(waiting), "ab")

    def test_an_exception_of_its_callbacks_is_awaited(self):
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

    def test_a_second_firing_raises(self):
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

    def test_a_coroutine_that_awaits_it_gets_the_result(self):
        waiting = run(self.wait())
        self.assertNoResult(waiting)
        self.next.callback("a")
        self.assertEqual((self.got, self.successResultOf(waiting)), (["a"], "done"))
        self.assertIsNone(self.successResultOf(self.next))

    def test_if_it_has_fired_there_is_nothing_to_wait_for(self):
        self.next.callback("a")
        self.assertEqual(self.successResultOf(run(self.wait())), "done")
        self.assertEqual(self.got, ["a"])

    def test_a_coroutine_that_a_debugger_traces_gets_the_result(self):
        # CPython 3.11 goes on with an iterator by its method then, and not by its slot.
        self.addCleanup(sys.settrace, sys.gettrace())
        sys.settrace(lambda *_: None)
        waiting = run(self.wait())
        self.next.callback("a")
        self.assertEqual((self.got, self.successResultOf(waiting)), (["a"], "done"))

    def test_a_coroutine_that_awaits_it_gets_the_failure(self):
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

    def test_a_deferred_that_is_chained_to_it_gets_the_result(self):
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

    def test_an_exception_of_a_first_callback_goes_to_the_errback_after_it(self):
        self.next.addBoth(lambda _: 1 // 0)
        self.next.callback("a")
        self.failureResultOf(self.next, ZeroDivisionError)

    def test_any_value_that_a_first_callback_returns_is_the_result(self):
        later = Deferred()
        for returned in (3, ["b"], later, Failure(ZeroDivisionError())):
            step = Next()
            step.addBoth(lambda _, returned=returned: returned)
            step.callback("a")
            if returned is later:
                self.assertNoResult(step)
                later.callback("c")
                self.assertEqual(self.successResultOf(step), "c")
            elif isinstance(returned, Failure):
                self.failureResultOf(step, ZeroDivisionError)
            else:
                self.assertEqual(self.successResultOf(step), returned)

    def test_a_first_callback_may_have_any_arguments(self):
        for count in range(9):
            step = Next()
            step.addBoth(lambda *arguments: self.got.append(len(arguments)), *range(count))
            step.callback("a")
            self.assertEqual(self.got.pop(), count + 1)
        self.assertRaises(TypeError, Next().addBoth)
        named = Next()
        named.addBoth(callback=self.got.append)
        named.callback("a")
        self.assertEqual(self.got, ["a"])

    def test_a_second_await_gets_the_same_result(self):
        async def twice():
            return [await self.next, await self.next]

        waiting = run(twice())
        self.next.callback("a")
        self.assertEqual(self.successResultOf(waiting), ["a", "a"])

    def test_an_await_during_a_pause_waits(self):
        self.next.pause()
        waiting = run(self.wait())
        self.next.callback("a")
        self.assertNoResult(waiting)
        self.next.unpause()
        self.successResultOf(waiting)
        self.assertEqual(self.got, ["a"])

    def test_a_coroutine_gets_the_result_of_its_callbacks(self):
        later = Deferred()
        self.next.addCallback(lambda _: later)
        self.next.callback("a")
        waiting = run(self.wait())
        self.assertNoResult(waiting)
        later.callback(["b"])
        self.successResultOf(waiting)
        self.assertEqual(self.got, [["b"]])

    def test_one_in_a_cycle_is_collected(self):
        gone = ref(self.next)
        self.next.addBoth(lambda *_: None, self.next)
        self.next.source = self.next
        awaiting = self.next.__await__()
        self.assertIs(next(awaiting), self.next)
        self.next.awaiting = awaiting
        self.next = awaiting = None
        gc.collect()
        self.assertIsNone(gone())

    def test_a_callback_behind_a_coroutine_gets_the_result_that_it_has_left(self):
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


class AddedMeanwhileTests(QuietTestCase):
    """The first callback adds another one, which gets its result, as in any Deferred."""

    def chain(self, outcome):
        received, got = Received(), []

        def first(_):
            received.addBoth(got.append)
            return outcome() if callable(outcome) else outcome

        received.addBoth(first)
        received.callback("message")
        return got

    def test_it_gets_the_result_of_the_first(self):
        self.assertEqual(self.chain("result"), ["result"])

    def test_it_gets_a_result_that_is_no_message(self):
        self.assertEqual(self.chain(7), [7])

    def test_it_gets_the_exception_of_the_first(self):
        (failure,) = self.chain(lambda: 1 // 0)
        failure.trap(ZeroDivisionError)

    def test_it_gets_the_result_of_the_deferred_that_the_first_returned(self):
        later = Deferred()
        got = self.chain(later)
        self.assertEqual(got, [])
        later.callback("later")
        self.assertEqual(got, ["later"])
