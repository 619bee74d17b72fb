"""Fill a room, and measure: python load.py ws://localhost:8000/ws/lobby 500 20 10

The arguments are the room, visitors, messages a second of all visitors together, and seconds.
"""

import json
import sys
from statistics import quantiles
from time import perf_counter

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import LoopingCall, deferLater

import txws2


async def listen(visitor, delays):
    """Note how long each message was on its way."""
    async for message in visitor:
        news = json.loads(message)
        if "from" in news:
            delays.append(perf_counter() - float(news["text"]))


async def main(reactor):
    room, visitors, rate, seconds = sys.argv[1], *map(int, sys.argv[2:])
    present = [await txws2.connect(f"{room}?name={number}") for number in range(visitors)]
    delays = []
    for visitor in present:
        Deferred.fromCoroutine(listen(visitor, delays))
    # Those who are there hear who else has come; let them.
    await deferLater(reactor, 2)
    talking = LoopingCall(lambda: present[0].sendMessage(str(perf_counter())))
    talking.start(1 / rate)
    await deferLater(reactor, seconds)
    talking.stop()
    await deferLater(reactor, 1)
    steps = quantiles(delays, n=100)
    print(f"{len(delays)} deliveries, {len(delays) / seconds:.0f} a second")
    print(f"half of them within {1000 * steps[49]:.0f} ms, 99 % within {1000 * steps[98]:.0f} ms")
    await gatherResults([visitor.close() for visitor in present])


if __name__ == "__main__":
    txws2.run(main)
