"""The others: clients that did nothing wrong, and are to be served whatever happens."""

from time import perf_counter

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.task import deferLater

import txws2

# Seconds that each lies idle between two messages.
PACE = 0.05
OPTIONS = {"compression": None, "open_timeout": 60, "reactor": reactor}


async def connect_many(test, uri, count, at_once=250):
    """Connect so many clients, so many of them at a time."""
    connections = []
    while len(connections) < count:
        number = min(at_once, count - len(connections))
        connections += await gatherResults(
            [txws2.connect(uri, **OPTIONS) for _ in range(number)], consumeErrors=True
        )
    for ws in connections:
        test.addCleanup(ws.close)
    return connections


class Others:
    """Clients that keep on echoing, one message under way on each.

    Args:
        test: the one that they belong to.
        connections: theirs.

    Attributes:
        latencies: the seconds that each message took to come back.
    """

    def __init__(self, test, connections):
        self._connections = connections
        self._stopping = False
        self.latencies = []
        self._talking = [ensureDeferred(self._talk(ws)) for ws in connections]
        test.addCleanup(self._give_up)

    async def _talk(self, ws):
        number = 0
        while not self._stopping:
            begin = perf_counter()
            await ws.send(f"message {number}")
            reply = await ws.recv()
            if reply != f"message {number}":
                raise AssertionError(f"message {number} came back as {reply!r}")
            self.latencies.append(perf_counter() - begin)
            number += 1
            await deferLater(reactor, PACE)

    def take_p99(self):
        """Return the latency, in seconds, that a hundredth of them exceed, and begin anew."""
        latencies, self.latencies = sorted(self.latencies), []
        return latencies[int(len(latencies) * 0.99)]

    async def served(self, rounds=3):
        """Wait until each of them has been served a few times from now on."""
        enough = len(self.latencies) + rounds * len(self._connections)
        while len(self.latencies) < enough:
            for talk in self._talking:
                if talk.called:
                    await talk
            await deferLater(reactor, PACE)

    async def stop(self):
        """End; whatever went wrong for any of them is raised."""
        self._stopping = True
        await gatherResults(self._talking, consumeErrors=True)

    def _give_up(self):
        # If the test has failed, what becomes of them is of no interest.
        self._stopping = True
        for talk in self._talking:
            talk.addErrback(lambda _: None)


async def start_others(test, uri, count=100):
    """Connect clients and have them echo."""
    return Others(test, await connect_many(test, uri, count))
