"""A server under mixed traffic, for the seconds of --seconds. `make soak` runs this."""

from random import Random
from time import monotonic

import pytest
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.task import deferLater

import txws2
from tests.faults.cases import MIB, FaultCase
from tests.faults.figures import note
from tests.faults.others import connect_many
from tests.faults.victim import start_victim

pytestmark = pytest.mark.soak

CLIENTS = 20
MAX_SIZE = 2**17
# The share of the time in which the server allocates all that it needs only once.
WARMING_UP = 0.25
GROWTH = 4 * MIB


class Visitor:
    """A client that sends messages, closes or resets the connection, and connects again.

    Attributes:
        messages: the number of messages that came back.
        visits: the number of connections it has made.
    """

    def __init__(self, uri, seed, end):
        self._uri, self._random, self._end = uri, Random(seed), end
        self.messages = self.visits = 0

    async def run(self):
        """Connect again and again until the time is over."""
        while monotonic() < self._end:
            compression = self._random.choice(["deflate", None])
            ws = await txws2.connect(
                self._uri, compression=compression, open_timeout=60, reactor=reactor
            )
            self.visits += 1
            await self._talk(ws)
            if self._random.random() < 0.5:
                ws.transport.abortConnection()
            await ws.close()

    async def _talk(self, ws):
        for _ in range(self._random.randrange(200)):
            message = self._message()
            if self._random.random() < 0.2:
                await ws.ping()
            if self._random.random() < 0.3:
                cut = self._random.randrange(len(message) + 1)
                await ws.send([message[:cut], message[cut:]])
            else:
                await ws.send(message)
            if await ws.recv() != message:
                raise AssertionError("a message came back as another one")
            self.messages += 1

    def _message(self):
        size = int(2 ** self._random.uniform(0, MAX_SIZE.bit_length() - 1))
        if self._random.random() < 0.5:
            return "hé€llo " * (size // 7)
        return self._random.randbytes(size)


class SoakTests(FaultCase):
    async def test_mixed_traffic_leaves_memory_flat(self):
        victim = await start_victim(self, app=None)
        # From now on the factory has its shared epoll.
        for ws in await connect_many(self, victim.uri, CLIENTS):
            await ws.close()
        self.begin(victim)
        end = monotonic() + self.seconds
        visitors = [Visitor(victim.uri, seed, end) for seed in range(CLIENTS)]
        visiting = gatherResults(
            [ensureDeferred(visitor.run()) for visitor in visitors], consumeErrors=True
        )
        await deferLater(reactor, self.seconds * WARMING_UP)
        self.begin_again(victim)
        await visiting
        memory = await self.survive(victim, growth=GROWTH)
        self.assertEqual(await victim.end(), [])
        messages = sum(visitor.messages for visitor in visitors)
        visits = sum(visitor.visits for visitor in visitors)
        note(
            None,
            "mixed traffic",
            f"{messages:,} messages on {visits:,} connections, in {self.seconds} s",
            f"{CLIENTS}, half of them with compression",
            memory,
        )
