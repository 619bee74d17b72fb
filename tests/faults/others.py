"""The other clients: they do nothing wrong, and the server must serve them during an attack."""

from time import perf_counter

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.task import deferLater

import txws2

# The seconds that each client waits between two messages.
PACE = 0.05
OPTIONS = {"compression": None, "open_timeout": 60, "reactor": reactor}


async def connect_many(test, uri, count, at_once=250):
    """Connect `count` clients, at most `at_once` at a time."""
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
    """Clients that send messages to an echo server, each one message at a time.

    Args:
        test: the test that uses them.
        connections: their connections.

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
        """Return the 99th percentile of the latencies, in seconds, and forget them."""
        latencies, self.latencies = sorted(self.latencies), []
        return latencies[int(len(latencies) * 0.99)]

    async def served(self, rounds=3):
        """Wait until the clients have got a few more echoes each."""
        enough = len(self.latencies) + rounds * len(self._connections)
        while len(self.latencies) < enough:
            for talk in self._talking:
                if talk.called:
                    await talk
            await deferLater(reactor, PACE)

    async def stop(self):
        """Stop the clients; raise the first error that one of them had."""
        self._stopping = True
        await gatherResults(self._talking, consumeErrors=True)

    def _give_up(self):
        # The test has failed, so further errors are of no interest.
        self._stopping = True
        for talk in self._talking:
            talk.addErrback(lambda _: None)


async def start_others(test, uri, count=100):
    """Connect clients and start their echoes."""
    return Others(test, await connect_many(test, uri, count))
