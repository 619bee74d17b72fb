"""Keeps the latest price, and reconnects."""

import txws2


class Prices:
    """Has the latest price, or None while it may be out of date."""

    latest = None

    async def follow(self, uri):
        async for ws in txws2.connect(uri, subprotocols=["prices"], proxy=None):
            try:
                await ws.send("subscribe")
                async for message in ws:
                    self.latest = message
            except txws2.ConnectionClosed:
                pass
            self.latest = None
