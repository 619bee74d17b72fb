"""Opens 1,000 subscribers of market.py, and prints how late the quotes come.

python market_load.py [URI [SUBSCRIBERS [QUOTES]]]
"""

import json
import sys
from resource import RLIMIT_NOFILE, getrlimit, setrlimit
from time import time

from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults

from txws2 import connect, run


async def subscribe(uri):
    ws = await connect(uri, open_timeout=60, compression=None)
    await ws.recv()  # the latest quotes
    return ws


async def listen(ws, quotes, delays):
    async for message in ws:
        now = time()
        delays.extend(now - quote["time"] for quote in json.loads(message))
        quotes -= 1
        if not quotes:
            return


async def main(reactor, uri="ws://localhost:8000/quotes", subscribers="1000", quotes="100"):
    # No more than 50 handshakes at once.
    slots = DeferredSemaphore(50)
    began = time()
    opening = [
        slots.run(lambda: Deferred.fromCoroutine(subscribe(uri))) for _ in range(int(subscribers))
    ]
    connections = await gatherResults(opening, consumeErrors=True)
    print(f"{len(connections)} subscribers after {time() - began:.1f} s", flush=True)

    delays = []
    await gatherResults(
        Deferred.fromCoroutine(listen(ws, int(quotes), delays)) for ws in connections
    )
    dropped = sum(ws.close_code is not None for ws in connections)
    print(f"{len(delays)} quotes have come, and {dropped} subscribers were dropped")
    delays.sort()
    for name, part in ("half", 0.5), ("99 %", 0.99), ("all", 1):
        delay = delays[round(part * (len(delays) - 1))]
        print(f"{name} of them within {1000 * delay:.1f} ms")


if __name__ == "__main__":
    # Each connection needs a file descriptor, and many systems begin with 1,024.
    setrlimit(RLIMIT_NOFILE, (getrlimit(RLIMIT_NOFILE)[1],) * 2)
    run(lambda reactor: main(reactor, *sys.argv[1:]))
