"""Clients that never finish a request, and more clients than the server has descriptors for."""

import resource
from time import perf_counter

import pytest
from twisted.internet.defer import gatherResults

from tests.faults.cases import MIB, FaultCase
from tests.faults.figures import Memory, note
from tests.faults.others import connect_many, start_others
from tests.faults.strangers import start_lorises
from tests.faults.victim import start_victim, until

pytestmark = pytest.mark.faults

LORISES = 2000
CONNECTIONS = 10_000
# The number of connections where the system allows no more.
FEWER = 2000
# The files that a process has open besides the connections.
MORE_FILES = 200


class OpeningTests(FaultCase):
    async def test_attack_05_slow_loris(self):
        victim = await start_victim(self, "--open-timeout=4")
        others = await start_others(self, victim.uri)
        # The server keeps the memory that many connections need once.
        await self.attack(victim, LORISES)
        await others.served()
        others.take_p99()
        await others.served()
        quiet = others.take_p99()
        self.begin(victim)
        await self.attack(victim, LORISES)
        p99 = others.take_p99()
        memory = await self.survive(victim, growth=4 * MIB)
        await others.stop()
        self.assertLess(p99, 1)
        self.assertEqual(await victim.end(), [])
        note(
            5,
            "request heads sent byte by byte",
            f"{LORISES:,} sockets, each refused with 408",
            f"100, p99 {p99 * 1000:.0f} ms; {quiet * 1000:.0f} ms before",
            memory,
        )

    async def attack(self, victim, count):
        lorises = await start_lorises(self, victim.port, count)
        answers = await gatherResults([loris.answered for loris in lorises], consumeErrors=True)
        self.assertEqual(set(answers), {"HTTP/1.1 408 Request Timeout"})


class LimitTests(FaultCase):
    async def test_attack_22_descriptors_exhausted(self):
        victim = await start_victim(self, "--open-timeout=none")
        others = await start_others(self, victim.uri, 20)
        self.begin(victim)
        limit = victim.descriptors + 50
        victim.limit_descriptors(limit)
        lorises = await start_lorises(self, victim.port, 200)
        await until(lambda: victim.descriptors >= limit - 1)
        await others.served()
        p99 = others.take_p99()
        for loris in lorises:
            loris.transport.abortConnection()
        await gatherResults([loris.answered for loris in lorises])
        await victim.until_descriptors(self._descriptors)
        [late] = await connect_many(self, victim.uri, 1)
        await late.send("hello")
        self.assertEqual(await late.recv(), "hello")
        await late.close()
        await others.served()
        await others.stop()
        memory = await self.survive(victim, growth=2 * MIB)
        # Twisted logs that no descriptor is left at level info.
        self.assertEqual(await victim.end(), [])
        note(
            22,
            "descriptors exhausted, and freed",
            "200 sockets with room for 50; then accepting resumes",
            f"20, p99 {p99 * 1000:.0f} ms",
            memory,
        )

    async def test_attack_22_a_server_stops_amid_thousands_of_connections(self):
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = CONNECTIONS if files >= CONNECTIONS + MORE_FILES else FEWER
        victim = await start_victim(self, "--ping-interval=none", "--close-timeout=60")
        self.begin(victim)
        clients = await connect_many(self, victim.uri, count)
        open_all = victim.memory
        begin = perf_counter()
        self.assertEqual(await victim.end(), [])
        seconds = perf_counter() - begin
        await gatherResults([ws.wait_closed() for ws in clients])
        self.assertEqual({ws.close_code for ws in clients}, {1001})
        note(
            22,
            "SIGTERM with open connections",
            f"{count:,} closed with 1001, and the process ended, in {seconds:.1f} s",
            "none",
            Memory(self._before, open_all, None),
        )
