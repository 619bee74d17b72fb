"""A feed with numbered events, of which it keeps the latest: python feed_server.py"""

import json
from collections import deque
from itertools import count
from time import time

from twisted.internet.task import LoopingCall

from txws2 import CloseCode, broadcast, run


class Feed:
    """Numbers events, and sends them to all subscribers.

    Args:
        kept: the number of events for subscribers that come back.
    """

    def __init__(self, kept=1000):
        # The numbers begin with the time, so they grow after a restart, too.
        self.numbers = count(int(time()))
        self.events = deque(maxlen=kept)
        self.subscribers = set()

    def publish(self, data):
        number = next(self.numbers)
        event = json.dumps({"number": number, "data": data})
        self.events.append((number, event))
        broadcast(self.subscribers, event, slow="close")

    async def handler(self, ws):
        """Send the events after the last one that the client has, and then those that come."""
        try:
            after = int(json.loads(await ws.recv(timeout=10))["after"])
        except (LookupError, RecursionError, TimeoutError, TypeError, ValueError):
            await ws.close(CloseCode.POLICY_VIOLATION, "expected a number")
            return
        # Without an await, no event can come in between.
        self.subscribers.add(ws)
        for number, event in self.events:
            if number > after:
                ws.sendMessage(event)
        try:
            await ws.wait_closed()
        finally:
            self.subscribers.discard(ws)


if __name__ == "__main__":
    feed = Feed()
    LoopingCall(lambda: feed.publish(f"it is {time():.0f}")).start(1)
    run(feed.handler, "localhost", 8000)
