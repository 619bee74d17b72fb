"""A feed of prices for a thousand subscribers.

python market.py, then http://localhost:8000/
"""

import json
from pathlib import Path
from random import choice, gauss
from resource import RLIMIT_NOFILE, getrlimit, setrlimit
from time import time

from twisted.internet.task import LoopingCall
from twisted.web.resource import Resource
from twisted.web.static import File

from txws2 import WebSocketResource, broadcast, run

PAGE = str(Path(__file__).with_suffix(".html"))


class Market:
    """Has the latest quote of each symbol, and sends each new one to all subscribers."""

    def __init__(self):
        self.latest = {}
        self.subscribers = set()

    def quote(self, symbol, price):
        """Set a price. The message is made once, and sent without waiting for anybody."""
        quote = {"symbol": symbol, "price": round(price, 4), "time": time()}
        self.latest[symbol] = quote
        # A subscriber that reads too slowly is closed with 1013. It comes back, and begins with
        # the latest quotes, which is better than a gap that it doesn't know of.
        broadcast(self.subscribers, json.dumps([quote]), slow="close")

    async def handler(self, ws):
        # No quote can come in between, so this list and the quotes after it are complete.
        self.subscribers.add(ws)
        try:
            await ws.send(json.dumps(list(self.latest.values())))
            await ws.wait_closed()
        finally:
            self.subscribers.discard(ws)


def trade(market, prices):
    """Change one of the prices; this stands for a real market."""
    symbol = choice(list(prices))
    prices[symbol] *= 1 + gauss(0, 0.002)
    market.quote(symbol, prices[symbol])


def site(market):
    # The prices are public, so any page may subscribe. Up to 64 KiB, or some 800 quotes, may wait
    # for each subscriber; if there are more, it counts as slow.
    subscribing = WebSocketResource(market.handler, write_limit=2**16, compression=None)
    root = Resource()
    root.putChild(b"", File(PAGE))
    root.putChild(b"quotes", subscribing)
    return root


if __name__ == "__main__":
    # Each connection needs a file descriptor, and many systems begin with 1,024.
    setrlimit(RLIMIT_NOFILE, (getrlimit(RLIMIT_NOFILE)[1],) * 2)
    market = Market()
    prices = {"TEA": 4.20, "COFFEE": 7.10, "COCOA": 9.85, "SUGAR": 1.30, "SALT": 0.45}
    LoopingCall(trade, market, prices).start(0.1)
    run(site(market), "localhost", 8000)
