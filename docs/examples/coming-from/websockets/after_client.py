"""The same client on txws2: python after_client.py"""

from twisted.internet.defer import Deferred

import txws2


async def answer(ws):
    """Return the first message that isn't the server's own."""
    async for message in ws:
        if message != "tick":
            return message
    return None


async def main(reactor):
    """Say hello, and wait until it comes back."""
    async with txws2.connect("ws://localhost:8000/") as ws:
        await ws.send("Ann")
        await ws.send("Hello!")
        print(await Deferred.fromCoroutine(answer(ws)).addTimeout(10, reactor))
        latency = await ws.ping()
        print(f"alive: {latency < 10}")
    print(f"closed with {ws.close_code}")


txws2.run(main)
