"""The current call, on asyncio's reactor and on another."""

import asyncio
from contextvars import copy_context

from twisted.trial.unittest import SynchronousTestCase

from tests.support.loops import LoopTestCase
from txws2._deferreds.calls import Call, current_call
from txws2._deferreds.tasks import started


class CurrentCallTests(SynchronousTestCase):
    def test_a_call_is_current_while_it_runs(self):
        call = Call(object())
        self.assertIs(call.run(current_call), call)
        self.assertIsNone(current_call())

    def test_one_within_another_is_current_and_the_other_afterwards(self):
        outer, inner = Call("outer"), Call("inner")

        def both():
            return inner.run(current_call), current_call()

        self.assertEqual(outer.run(both), (inner, outer))

    def test_without_a_loop_the_context_tells(self):
        call = Call("connection")
        self.assertIs(call.run(copy_context).run(current_call), call)


class LoopTests(LoopTestCase):
    """A callback of the loop has the context in which it was scheduled."""

    def test_the_calls_of_a_task_belong_to_it(self):
        call = Call("connection")

        async def handler():
            await asyncio.sleep(0)
            return current_call()

        async def main():
            return await call.run(started, handler())

        self.assertIs(self.run_on_loop(main()), call)

    def test_a_hook_that_is_no_coroutine_is_a_call_too(self):
        call = Call("connection")

        async def main():
            later = self.loop.create_future()
            self.loop.call_soon(lambda: later.set_result(call.run(current_call)))
            return await later

        self.assertIs(self.run_on_loop(main()), call)

    def test_a_later_call_does_not_belong_to_it(self):
        async def main():
            later = self.loop.create_future()
            ask = lambda: later.set_result(current_call())  # noqa: E731
            Call("connection").run(self.loop.call_later, 0, ask)
            return await later

        self.assertIsNone(self.run_on_loop(main()))
