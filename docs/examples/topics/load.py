"""Ask a server from many connections, and measure: python load.py URI CLIENTS SECONDS"""

import sys
from statistics import quantiles

from twisted.internet.defer import Deferred, gatherResults

import txws2

QUESTION = "hello"
# Many servers have room for no more clients that wait to be accepted.
AT_ONCE = 50


async def ask(ws, reactor, until, times):
    """Ask, and wait for the answer, again and again."""
    while reactor.seconds() < until:
        before = reactor.seconds()
        await ws.send(QUESTION)
        await ws.recv(timeout=10)
        times.append(reactor.seconds() - before)


async def load(reactor, uri, clients, seconds):
    """Return the times of all answers, in seconds."""
    connections, times = [], []
    while len(connections) < clients:
        count = min(AT_ONCE, clients - len(connections))
        connecting = [txws2.connect(uri, reactor=reactor) for _ in range(count)]
        connections += await gatherResults(connecting, consumeErrors=True)
    until = reactor.seconds() + seconds
    asking = [Deferred.fromCoroutine(ask(ws, reactor, until, times)) for ws in connections]
    await gatherResults(asking, consumeErrors=True)
    await gatherResults([ws.close() for ws in connections])
    return times


def report(times, seconds):
    """Return the number of answers, and their times in milliseconds."""
    cuts = [1000 * cut for cut in quantiles(times, n=100)]
    rate = len(times) / seconds
    return f"{rate:.0f} answers a second, p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms"


async def main(reactor):
    """Read the arguments, and print the report."""
    uri, clients, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    print(report(await load(reactor, uri, clients, seconds), seconds))


if __name__ == "__main__":
    txws2.run(main)
