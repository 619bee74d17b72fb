"""A client of the chat on aiohttp: python before_client.py"""

import asyncio

import aiohttp


async def main():
    """Say hello, and wait until it comes back."""
    async with aiohttp.ClientSession() as session:
        uri = "http://localhost:8000/chat"
        async with session.ws_connect(uri, protocols=["chat"], heartbeat=20) as ws:
            await ws.send_str("Hello!")
            print(await ws.receive_str(timeout=10))
            print(ws.protocol)
        print(f"closed with {ws.close_code}")


asyncio.run(main())
