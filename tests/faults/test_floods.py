"""A peer that stops reading, and peers that flood the server."""

from time import perf_counter

import pytest
from twisted.internet import reactor
from twisted.internet.task import deferLater

import txws2
from tests.faults.cases import MIB, FaultCase
from tests.faults.figures import note
from tests.faults.others import OPTIONS, start_others
from tests.faults.strangers import Flood
from tests.faults.victim import PAUSE, start_victim
from tests.interop.raw_client import NO_MASK, connect, frame

pytestmark = pytest.mark.faults

SIZE = 2**16
MESSAGES = 2**30 // SIZE
FLOOD = 64 * MIB
GROWTH = 4 * MIB
# A figure stands still once this number of looks gave the same value.
STEADY = 20


async def until_still(figure):
    """Wait until the result of a coroutine function changes no more; return it."""
    last, steady = await figure(), 0
    while steady < STEADY:
        await deferLater(reactor, PAUSE)
        now = await figure()
        steady = steady + 1 if now == last else 0
        last = now
    return last


class SlowReaderTests(FaultCase):
    async def test_attack_12_a_peer_stops_reading_amid_a_gigabyte(self):
        victim = await start_victim(self)
        others = await start_others(self, victim.uri, 20)
        counter = await txws2.connect(f"{victim.uri}progress", **OPTIONS)
        self.addCleanup(counter.close)

        async def sent():
            await counter.send("how many?")
            return int(await counter.recv())

        await sent()
        self.begin(victim)
        ws = await txws2.connect(f"{victim.uri}stream", ping_interval=None, **OPTIONS)
        self.addCleanup(ws.close)
        await ws.send(f"{MESSAGES} {SIZE}")
        waiting = await until_still(sent)
        self.assertLess(waiting, MESSAGES)
        begin = perf_counter()
        for number in range(MESSAGES):
            message = await ws.recv()
            self.assertEqual((len(message), int.from_bytes(message[:8], "big")), (SIZE, number))
        seconds = perf_counter() - begin
        await ws.wait_closed()
        p99 = others.take_p99()
        memory = await self.survive(victim, growth=GROWTH, peak=GROWTH)
        await others.stop()
        self.assertEqual(await victim.end(), [])
        note(
            12,
            "a peer that stops reading a stream",
            f"1 GiB; the server waits after {waiting * SIZE / MIB:.1f} MiB; once the peer reads "
            f"again, the rest comes whole in {seconds:.1f} s",
            f"20, p99 {p99 * 1000:.0f} ms",
            memory,
        )


class FloodTests(FaultCase):
    async def test_attack_13_a_flood_of_pings(self):
        victim, others, client = await self.prepare()
        client.flood(frame(9, bytes(125), NO_MASK), FLOOD)
        await client.done
        await self.finish(victim, others, client, "a flood of pings, pongs not read")

    async def test_attack_13_a_flood_of_messages_that_nobody_reads(self):
        victim, others, client = await self.prepare()
        client.flood(frame(1, bytes(125), NO_MASK), FLOOD)

        async def written():
            return client.written

        self.assertLess(await until_still(written), FLOOD)
        await self.finish(victim, others, client, "a flood of messages that nobody reads")

    async def prepare(self):
        victim = await start_victim(self)
        others = await start_others(self, victim.uri, 20)
        await others.served()
        others.take_p99()
        self.begin(victim)
        client = await connect(self, victim.port, "/unreceiving", Flood())
        return victim, others, client

    async def finish(self, victim, others, client, fault):
        await others.served()
        p99 = others.take_p99()
        client.transport.abortConnection()
        await client.lost
        memory = await self.survive(victim, growth=GROWTH, peak=GROWTH)
        await others.stop()
        self.assertEqual(await victim.end(), [])
        note(
            13,
            fault,
            f"the server read {client.written / MIB:.1f} of 64 MiB",
            f"20, p99 {p99 * 1000:.0f} ms",
            memory,
        )
