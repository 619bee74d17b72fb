"""Applications that raise, hang, or block everything."""

from time import perf_counter

import pytest
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater

from tests.faults.cases import MIB, FaultCase
from tests.faults.figures import Memory, note
from tests.faults.others import Others, connect_many, start_others
from tests.faults.victim import start_victim

pytestmark = pytest.mark.faults

HANDLERS = 200
TIMES, BLOCKED = 5, 1


class HandlerTests(FaultCase):
    async def test_attack_23_handlers_that_raise(self):
        victim = await start_victim(self)
        others = await start_others(self, victim.uri)
        await self.fail_all(victim)
        others.take_p99()
        self.begin(victim)
        await self.fail_all(victim)
        p99 = others.take_p99()
        memory = await self.survive(victim, growth=2 * MIB)
        await others.stop()
        loud = await victim.end()
        events = [line for line in loud if "connection handler failed" in line]
        self.assertEqual(len(events), 2 * HANDLERS)
        # Each has its traceback, and nothing else is said.
        self.assertEqual(len(loud), 4 * HANDLERS)
        note(
            23,
            "handlers that raise",
            f"{HANDLERS}, each with 1011 and one event",
            f"100, p99 {p99 * 1000:.0f} ms",
            memory,
        )

    async def fail_all(self, victim):
        clients = await connect_many(self, f"{victim.uri}failing", HANDLERS)
        for ws in clients:
            await ws.send("no luck")
        await gatherResults([ws.wait_closed() for ws in clients])
        self.assertEqual({ws.close_code for ws in clients}, {1011})

    async def test_attack_23_handlers_that_hang(self):
        victim = await start_victim(self, "--close-timeout=2")
        others = await start_others(self, victim.uri)
        before = victim.memory
        victim.forget_peak()
        clients = await connect_many(self, f"{victim.uri}deaf", HANDLERS)
        await others.served()
        p99 = others.take_p99()
        await others.stop()
        memory = Memory(before, victim.peak, victim.memory)
        begin = perf_counter()
        self.assertEqual(await victim.end(), [])
        seconds = perf_counter() - begin
        await gatherResults([ws.wait_closed() for ws in clients])
        self.assertEqual({ws.close_code for ws in clients}, {1001})
        self.assertLess(seconds, 10)
        note(
            23,
            "handlers that hang",
            f"{HANDLERS}; SIGTERM ends them in {seconds:.1f} s, with a close_timeout of 2 s",
            f"100, p99 {p99 * 1000:.0f} ms",
            memory,
        )

    async def test_attack_23_handlers_that_block_the_reactor(self):
        victim = await start_victim(self, "--ping-interval=0.5", "--ping-timeout=0.5")
        # They have nothing to say but pongs, and each of the next blocks comes before these are
        # read.
        silent = await connect_many(self, victim.uri, 100)
        blocking = await connect_many(self, f"{victim.uri}blocking", TIMES)
        self.begin(victim)
        for ws in blocking:
            await ws.send(str(BLOCKED))
            await deferLater(reactor, BLOCKED * 0.8)
        for ws in blocking:
            self.assertEqual(await ws.recv(), str(BLOCKED))
        others = Others(self, silent)
        await others.served()
        await others.stop()
        memory = await self.survive(victim, growth=2 * MIB)
        self.assertEqual(await victim.end(), [])
        note(
            23,
            "handlers that block the reactor",
            f"{TIMES}, each for {BLOCKED} s, with a ping_timeout of 0.5 s",
            "100, none of which was closed",
            memory,
        )
