"""Connections that are reset at any point, and a server that is killed."""

import os
from random import Random
from time import monotonic

import pytest
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError
from twisted.internet.task import deferLater

import txws2
from tests.faults.cases import MIB, FaultCase
from tests.faults.figures import Memory, note
from tests.faults.others import OPTIONS, start_others
from tests.faults.strangers import HEAD, Resetting
from tests.faults.victim import start_victim, until
from tests.interop.raw_client import NO_MASK, frame

pytestmark = pytest.mark.faults

SEED = 21
AT_ONCE = 1000
MAX_DELAY = 8
# Seconds.
WARMING_UP = 15
CLIENTS = 20
KILLS = 5

# A whole connection: short and long messages, a fragmented one with a ping in it, and a close.
LIFE = HEAD + b"".join(
    [
        frame(1, b"hello", NO_MASK),
        frame(2, bytes(2**16), NO_MASK),
        b"\x01\x83" + NO_MASK + b"abc",
        frame(9, b"ping", NO_MASK),
        frame(0, b"def", NO_MASK),
        frame(8, (1000).to_bytes(2, "big"), NO_MASK),
    ]
)


class ResetTests(FaultCase):
    async def test_attack_21_resets_at_random_points(self):
        # A handler that doesn't catch ConnectionClosed would log each reset.
        victim = await start_victim(self, app=None)
        others = await start_others(self, victim.uri)
        self.random = Random(SEED)
        # The allocator keeps the memory for the reads and buffers of many connections at once.
        await self.attack(victim, WARMING_UP)
        others.take_p99()
        self.begin(victim)
        resets = await self.attack(victim, self.seconds)
        p99 = others.take_p99()
        memory = await self.survive(victim, growth=2 * MIB)
        await others.stop()
        self.assertEqual(await victim.end(), [])
        note(
            21,
            "resets at random points",
            f"{AT_ONCE:,} connections at a time, {resets:,} in {self.seconds} s; no descriptor "
            "leaked, nothing logged",
            f"100, p99 {p99 * 1000:.0f} ms",
            memory,
        )

    async def attack(self, victim, seconds):
        """Reset connections, and replace them, for some seconds; return their number."""
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", victim.port)
        end = monotonic() + seconds
        attackers = [ensureDeferred(self.reset(endpoint, end)) for _ in range(AT_ONCE)]
        return sum(await gatherResults(attackers, consumeErrors=True))

    async def reset(self, endpoint, end):
        resets = 0
        # The first clients, too, don't all connect at once.
        await deferLater(reactor, self.random.uniform(0, MAX_DELAY / 2))
        while monotonic() < end:
            # The long message is nearly all of the bytes, so half of the cuts stay before it.
            cut = self.random.choice([len(HEAD) + 20, len(LIFE)])
            data = LIFE[: self.random.randrange(1, cut)]
            delay = self.random.choice([0, None, self.random.uniform(0, MAX_DELAY)])
            stranger = await connectProtocol(endpoint, Resetting(data, delay))
            await stranger.gone
            resets += 1
        return resets


class Persistent:
    """A client that sends numbers, and connects again until each one is acknowledged.

    Attributes:
        acknowledged: the lines that the server has sent back.
        again: the number of connections it has lost.
    """

    def __init__(self, name, uri, file):
        self._name, self._uri, self._file = name, uri, file
        self._enough = False
        self.acknowledged = []
        self.again = 0
        self.running = ensureDeferred(self._run())

    def enough(self):
        """Stop after the next acknowledgement."""
        self._enough = True

    async def _run(self):
        while not self._enough:
            try:
                await self._talk()
            except (ConnectError, txws2.ConnectionClosed, txws2.InvalidHandshake):
                self.again += 1
                await deferLater(reactor, 0.05)

    async def _talk(self):
        async with txws2.connect(self._uri, **OPTIONS) as ws:
            await ws.send(self._file)
            while not self._enough:
                line = f"{self._name} {len(self.acknowledged)}"
                await ws.send(line)
                if await ws.recv() != line:
                    raise AssertionError("something else was acknowledged")
                self.acknowledged.append(line)


class KillTests(FaultCase):
    async def test_attack_21_the_server_is_killed_and_comes_again(self):
        victim = await start_victim(self)
        before = victim.memory
        path = os.path.abspath(self.mktemp())
        clients = [Persistent(name, f"{victim.uri}ledger", path) for name in range(CLIENTS)]
        for _ in range(KILLS):
            await self.more_from_each(clients)
            port = victim.port
            await victim.kill()
            victim = await start_victim(self, port=port)
        await self.more_from_each(clients)
        memory = Memory(before, victim.peak, victim.memory)
        for client in clients:
            client.enough()
        await gatherResults([client.running for client in clients])
        self.assertGreaterEqual(min(client.again for client in clients), KILLS)
        self.assertEqual(await victim.end(), [])
        with open(path) as lines:
            written = set(lines.read().splitlines())
        acknowledged = {line for client in clients for line in client.acknowledged}
        self.assertEqual(acknowledged - written, set())
        note(
            21,
            "kill -9 and a new start",
            f"{KILLS} times; {len(acknowledged):,} messages acknowledged, all of them written",
            f"{CLIENTS}, each reconnected each time",
            memory,
            len(acknowledged - written),
        )

    async def more_from_each(self, clients):
        goals = [len(client.acknowledged) + 20 for client in clients]
        await until(
            lambda: all(
                len(client.acknowledged) >= goal
                for client, goal in zip(clients, goals, strict=True)
            )
        )
