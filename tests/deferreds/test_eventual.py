"""Deferreds that tasks of asyncio await."""

import asyncio

from twisted.internet.defer import CancelledError, Deferred, fail, succeed

from tests.support.loops import LoopTestCase
from txws2._deferreds.eventual import Eventual
from txws2._deferreds.lean import Done, Next, Received


class AwaitedTests(LoopTestCase):
    """The result that a task gets."""

    def test_a_task_gets_the_result(self):
        for kind in (Eventual, Received, Next):
            deferred = kind()

            async def wait(deferred=deferred):
                return await deferred

            async def main(deferred=deferred, wait=wait):
                waiting = asyncio.create_task(wait())
                await self.from_reactor(deferred.callback, "a")
                return await waiting

            self.assertEqual(self.run_on_loop(main()), "a")

    def test_a_task_gets_the_failure_and_nothing_is_logged(self):
        for kind in (Eventual, Received, Next):

            async def main(kind=kind):
                deferred = kind()
                self.loop.call_soon(deferred.errback, KeyError("a"))
                with self.assertRaises(KeyError):
                    await deferred

            self.run_on_loop(main())

    def test_a_fired_deferred_needs_no_waiting_for(self):
        async def main():
            has_failed = Eventual()
            has_failed.errback(KeyError())
            with self.assertRaises(KeyError):
                await has_failed
            with self.assertRaises(KeyError):
                await fail(KeyError())
            received = Received()
            received.callback("a")
            return [await Done(), await succeed(1), await received]

        self.assertEqual(self.run_on_loop(main()), [None, 1, "a"])

    def test_the_result_of_the_callbacks_is_awaited(self):
        async def main():
            later, deferred = Deferred(), Received()
            deferred.addCallback(lambda result: later.addCallback(lambda more: result + more))
            self.loop.call_soon(deferred.callback, "a")
            self.loop.call_later(0.001, later.callback, "b")
            return await deferred

        self.assertEqual(self.run_on_loop(main()), "ab")

    def test_asyncios_functions_take_it_for_what_can_be_awaited(self):
        async def main():
            first, second, third, fourth = (Eventual() for _ in range(4))
            for number, each in enumerate((first, second, third, fourth)):
                self.loop.call_soon(each.callback, number)
            self.assertFalse(asyncio.isfuture(first))
            gathered = await asyncio.gather(first, second)
            return [
                *gathered,
                await asyncio.wait_for(third, 1),
                await asyncio.shield(fourth),
                await succeed(4).asFuture(self.loop),
            ]

        self.assertEqual(self.run_on_loop(main()), [0, 1, 2, 3, 4])

    def test_it_is_no_future_after_it_was_awaited_either(self):
        async def main():
            deferred = Eventual()
            waiting = asyncio.ensure_future(deferred)
            await asyncio.sleep(0)
            self.assertFalse(asyncio.isfuture(deferred))
            deferred.callback(None)
            await waiting

        self.run_on_loop(main())

    def test_in_a_task_what_twisted_runs_can_await_it_too(self):
        async def inner(deferred):
            return await deferred

        async def main():
            deferred = Eventual()
            within = Deferred.fromCoroutine(inner(deferred))
            deferred.callback("a")
            return await within

        self.assertEqual(self.run_on_loop(main()), "a")


class WokenTests(LoopTestCase):
    """The moment at which a task runs on."""

    async def started(self, deferred, got):
        async def wait():
            got.append(await deferred)

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        return waiting

    def test_it_is_woken_at_once(self):
        async def main():
            deferred, got = Eventual(), []

            def fire():
                deferred.callback("a")
                return list(got)

            waiting = await self.started(deferred, got)
            self.assertEqual(await self.from_reactor(fire), ["a"])
            await waiting

        self.run_on_loop(main())

    def test_while_another_task_is_running_it_waits(self):
        async def main():
            deferred, got = Eventual(), []
            waiting = await self.started(deferred, got)
            deferred.callback("a")
            self.assertEqual(got, [])
            await waiting
            self.assertEqual(got, ["a"])

        self.run_on_loop(main())

    def test_while_the_loop_stands_still_it_waits(self):
        deferred, got = Eventual(), []
        waiting = self.run_on_loop(self.started(deferred, got))
        deferred.callback("a")
        self.assertEqual(got, [])
        self.run_on_loop(waiting)
        self.assertEqual(got, ["a"])

    def test_a_loop_that_is_closed_is_left_alone(self):
        other = asyncio.new_event_loop()
        deferred = Eventual()
        waiting = other.run_until_complete(self.started(deferred, []))
        waiting._log_destroy_pending = False
        other.close()
        deferred.callback("a")

    def test_a_system_exit_of_a_task_ends_the_loop_as_always(self):
        deferred = Eventual()

        async def leave():
            await deferred
            raise SystemExit(3)

        leaving = self.loop.create_task(leave())
        self.loop.call_later(0.001, deferred.callback, "a")
        self.assertRaises(SystemExit, self.loop.run_forever)
        self.assertIsInstance(leaving.exception(), SystemExit)


class CancelledTests(LoopTestCase):
    """A task is cancelled, or the Deferred that it waits for."""

    def test_cancelling_the_task_cancels_the_deferred(self):
        cancelled = []

        async def main():
            deferred = Eventual(cancelled.append)
            waiting = asyncio.ensure_future(deferred)
            await asyncio.sleep(0)
            waiting.cancel("enough")
            with self.assertRaises(asyncio.CancelledError) as caught:
                await waiting
            self.assertEqual(caught.exception.args, ("enough",))
            self.assertEqual(cancelled, [deferred])

        self.run_on_loop(main())

    def test_a_task_that_is_cancelled_before_it_waits_is_cancelled(self):
        async def main():
            async def wait():
                asyncio.current_task().cancel()
                await Eventual()

            with self.assertRaises(asyncio.CancelledError):
                await asyncio.create_task(wait())

        self.run_on_loop(main())

    def test_a_timeout_is_one(self):
        async def main():
            with self.assertRaises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await Eventual()
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(Received(), 0.001)

        self.run_on_loop(main())

    def test_a_cancelled_deferred_fails_as_in_twisted(self):
        async def main():
            deferred = Eventual()
            self.loop.call_soon(deferred.cancel)
            with self.assertRaises(CancelledError):
                await deferred

        self.run_on_loop(main())

    def test_a_deferred_that_ends_otherwise_when_cancelled_cancels_the_task_too(
        self,
    ):
        def fails(deferred):
            deferred.errback(KeyError())

        def fires(deferred):
            deferred.callback("a")

        async def main():
            for canceller in (fails, fires):
                waiting = asyncio.ensure_future(Eventual(canceller))
                await asyncio.sleep(0)
                waiting.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await waiting

        self.run_on_loop(main())

    def test_a_deferred_that_takes_its_time_is_waited_for(self):
        async def main():
            inner, deferred = Deferred(lambda _: None), Eventual()
            slow = Eventual()
            inner.addErrback(lambda _: slow)
            deferred.addCallback(lambda _: inner)
            deferred.callback(None)
            waiting = asyncio.ensure_future(deferred)
            await asyncio.sleep(0)
            waiting.cancel()
            await self.turns()
            self.assertFalse(waiting.done())
            slow.callback("a")
            with self.assertRaises(asyncio.CancelledError):
                await waiting

        self.run_on_loop(main())

    def test_a_result_that_comes_just_before_the_task_is_cancelled_is_taken_back(self):
        async def main():
            withdrawn = []

            class Kept(Eventual):
                def withdraw(self, result):
                    withdrawn.append(result)

            for fire in (Kept.callback, Kept.errback):
                deferred = Kept()
                waiting = asyncio.ensure_future(deferred)
                await asyncio.sleep(0)
                fire(deferred, KeyError())
                waiting.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await waiting
            self.assertEqual([type(each) for each in withdrawn], [KeyError])

        self.run_on_loop(main())
