"""Opens 1,000 subscribers of market.py, and prints how late the quotes come.

python market_load.py [URI [SUBSCRIBERS [QUOTES]]]
"""

import json
import sys
from math import inf
from resource import RLIMIT_NOFILE, getrlimit, setrlimit
from time import time

from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults

from txws2 import connect, run


class Load:
    """Subscribers that measure the delays of quotes, in seconds."""

    def __init__(self, uri, quotes):
        self.uri, self.quotes = uri, quotes
        self.listening, self.delays, self.dropped = [], [], 0
        self.since = inf

    async def subscribe(self):
        """Open a connection; `listen` goes on beside this."""
        ws = await connect(self.uri, open_timeout=60, compression=None)
        self.listening.append(Deferred.fromCoroutine(self.listen(ws)))

    async def listen(self, ws):
        """Read; quotes count as soon as all connections are open."""
        counted = 0
        async for message in ws:
            new = [quote["time"] for quote in json.loads(message) if quote["time"] > self.since]
            self.delays.extend(time() - sent for sent in new)
            counted += len(new)
            if counted >= self.quotes:
                return
        self.dropped += 1

    def report(self):
        print(f"{len(self.delays)} quotes have come, and {self.dropped} subscribers were dropped")
        self.delays.sort()
        for name, part in ("half", 0.5), ("99 %", 0.99), ("all", 1):
            delay = self.delays[round(part * (len(self.delays) - 1))]
            print(f"{name} of them within {1000 * delay:.1f} ms")


async def main(reactor, uri="ws://localhost:8000/quotes", subscribers="1000", quotes="100"):
    load, began = Load(uri, int(quotes)), time()
    slots = DeferredSemaphore(50)  # no more handshakes at once
    opening = [slots.run(Deferred.fromCoroutine, load.subscribe()) for _ in range(int(subscribers))]
    await gatherResults(opening, consumeErrors=True)
    load.since = time()
    print(f"{len(opening)} subscribers after {load.since - began:.1f} s", flush=True)
    await gatherResults(load.listening, consumeErrors=True)
    load.report()


if __name__ == "__main__":
    # Each connection needs a file descriptor, and many systems begin with 1,024.
    setrlimit(RLIMIT_NOFILE, (getrlimit(RLIMIT_NOFILE)[1],) * 2)
    run(lambda reactor: main(reactor, *sys.argv[1:]))
