from twisted.internet.defer import CancelledError, Deferred, fail, inlineCallbacks, succeed
from twisted.trial.unittest import SynchronousTestCase

from txws2._connection.closeable import Opening


class Door:
    closed = 0

    def close(self):
        self.closed += 1
        self.closing = Deferred()
        return self.closing

    async def __aexit__(self, kind, exception, traceback):
        await self.close()


class OpeningTests(SynchronousTestCase):
    def enter(self, opening, inside=lambda door: None):
        async def run():
            async with opening as door:
                inside(door)
            return "left"

        return Deferred.fromCoroutine(run())

    def test_it_is_a_deferred_of_the_result(self):
        door = Door()
        self.assertIs(self.successResultOf(Opening.of(succeed(door))), door)

    def test_the_error_for_a_call_before_await_says_to_await(self):
        opening = Opening.of(Deferred())
        with self.assertRaises(AttributeError) as caught:
            opening.send("hello")
        told = "'Opening' object has no attribute 'send'; await it first, or use `async with`"
        self.assertEqual(str(caught.exception), told)
        self.assertFalse(hasattr(opening, "_private"))

    def test_a_loop_without_async_fails_when_it_goes_on(self):
        opening = Opening.of(Deferred())
        with self.assertRaises(TypeError) as caught:
            for each in opening:
                self.assertIs(each, opening)
        told = "'Opening' object is not iterable; write: async for, or async with, in an async def"
        self.assertEqual(str(caught.exception), told)

    def test_yield_from_waits_for_it(self):
        @inlineCallbacks
        def wait(opening):
            return (yield from opening)

        self.assertEqual(self.successResultOf(wait(Opening.of(succeed("door")))), "door")
        inner = Deferred()
        waiting = wait(Opening.of(inner))
        self.assertNoResult(waiting)
        inner.callback("door")
        self.assertEqual(self.successResultOf(waiting), "door")
        self.failureResultOf(wait(Opening.of(fail(KeyError()))), KeyError)

    def test_it_fails_as_the_other_does(self):
        inner = Deferred()
        opening = Opening.of(inner)
        inner.errback(ValueError())
        self.failureResultOf(opening, ValueError)

    def test_cancelling_it_cancels_the_other(self):
        inner = Deferred()
        opening = Opening.of(inner)
        opening.cancel()
        self.failureResultOf(opening, CancelledError)
        self.assertTrue(inner.called)

    def test_a_cancel_is_a_cancel_whatever_the_other_makes_of_it(self):
        inner = Deferred(lambda deferred: deferred.errback(ValueError()))
        opening = Opening.of(inner)
        opening.cancel()
        self.failureResultOf(opening, CancelledError)

    def test_a_connection_that_opens_nonetheless_is_closed(self):
        door = Door()
        opening = Opening.of(Deferred(lambda deferred: deferred.callback(door)))
        opening.cancel()
        self.failureResultOf(opening, CancelledError)
        self.assertEqual(door.closed, 1)

    def test_leaving_closes_and_waits(self):
        door, entered = Door(), []
        running = self.enter(Opening.of(succeed(door)), entered.append)
        self.assertEqual(entered, [door])
        self.assertEqual(door.closed, 1)
        self.assertNoResult(running)
        door.closing.callback(None)
        self.assertEqual(self.successResultOf(running), "left")

    def test_an_exception_inside_closes_and_goes_on(self):
        def broken(_):
            raise KeyError

        door = Door()
        running = self.enter(Opening.of(succeed(door)), broken)
        door.closing.callback(None)
        self.failureResultOf(running, KeyError)
        self.assertEqual(door.closed, 1)

    def test_a_connection_that_did_not_open_is_not_closed(self):
        inner = Deferred()
        running = self.enter(Opening.of(inner))
        inner.errback(ValueError())
        self.failureResultOf(running, ValueError)
