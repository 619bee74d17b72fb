"""A client of the chat on the library websockets: python before_client.py"""

import asyncio

from websockets.asyncio.client import connect


async def answer(ws):
    """Return the first message that isn't the server's own."""
    async for message in ws:
        if message != "tick":
            return message
    return None


async def main():
    """Say hello, and wait until it comes back."""
    async with connect("ws://localhost:8000/") as ws:
        await ws.send("Ann")
        await ws.send("Hello!")
        print(await asyncio.wait_for(answer(ws), 10))
        latency = await (await ws.ping())
        print(f"alive: {latency < 10}")
    print(f"closed with {ws.close_code}")


asyncio.run(main())
