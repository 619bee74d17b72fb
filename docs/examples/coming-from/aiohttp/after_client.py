"""The same client on txws2: python after_client.py"""

import txws2


async def main(reactor):
    """Say hello, and wait until it comes back."""
    uri = "ws://localhost:8000/chat"
    async with txws2.connect(uri, subprotocols=["chat"]) as ws:
        await ws.send("Hello!")
        print(await ws.recv(timeout=10))
        print(ws.subprotocol)
    print(f"closed with {ws.close_code}")


txws2.run(main)
