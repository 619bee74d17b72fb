"""Tests on a loop of asyncio, with connections in memory."""

import asyncio
import gc

from tests.support.sides import QuietTestCase


class LoopTestCase(QuietTestCase):
    """Has a loop, and fails if the loop reports an error."""

    def setUp(self):
        super().setUp()
        self.loop = asyncio.new_event_loop()
        self.complaints = []
        self.loop.set_exception_handler(lambda _, context: self.complaints.append(context))

    def tearDown(self):
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        if left:
            self.loop.run_until_complete(asyncio.wait(left))
        self.loop.close()
        gc.collect()
        self.assertEqual((left, self.complaints), (set(), []))
        super().tearDown()

    def run_on_loop(self, coroutine):
        """Run a coroutine as a task, and return its result."""
        return self.loop.run_until_complete(coroutine)

    async def from_reactor(self, function, *arguments):
        """Call a function where no task is running, as a reactor does; return its result."""
        called = self.loop.create_future()
        self.loop.call_soon(lambda: called.set_result(function(*arguments)))
        return await called

    async def turns(self, number=10):
        """Let the loop run what is due."""
        for _ in range(number):
            await asyncio.sleep(0)
