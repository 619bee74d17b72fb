"""The system's clock is set by an hour, on real reactors: live peers stay, dead ones are found.

A test can't set the system's clock, so the process has a clock of its own that a test sets.
"""

import sys

from twisted.trial.unittest import TestCase

from tests.interop.peer_process import PEERS, ProcessLines, start

HOUR = 3600


class ClockSetTests(TestCase):
    timeout = 60
    reactor = "epoll"

    async def assertGoesOn(self, by):
        process = start(
            self, ProcessLines(), sys.executable, PEERS / "clock_set.py", self.reactor, by
        )
        self.assertEqual(await process.lines(), ["alive", "gone"], process.errors)

    async def test_forward(self):
        await self.assertGoesOn(HOUR)

    async def test_back(self):
        await self.assertGoesOn(-HOUR)


class AsyncioTests(ClockSetTests):
    reactor = "asyncio"


class SelectTests(ClockSetTests):
    reactor = "select"


class PollTests(ClockSetTests):
    reactor = "poll"
