"""Plots of this process that move.

python dashboard.py, then http://localhost:8000/
"""

import json
from collections import deque
from pathlib import Path
from resource import getpagesize
from time import monotonic, process_time, time

from twisted.internet.task import LoopingCall
from twisted.web.resource import Resource
from twisted.web.static import File

from txws2 import SAME_ORIGIN, WebSocketResource, broadcast, run

PAGE = str(Path(__file__).with_suffix(".html"))
INTERVAL = 1  # seconds


class Dashboard:
    """Measures this process, and sends the numbers to everybody who watches."""

    def __init__(self):
        self.watchers = set()
        self.samples = deque(maxlen=120)
        self.before = monotonic(), process_time()

    async def handler(self, ws):
        """Send the latest two minutes, so that the plots begin full; `measure` sends the rest."""
        self.watchers.add(ws)
        try:
            await ws.send(json.dumps(list(self.samples)))
            await ws.wait_closed()
        finally:
            self.watchers.discard(ws)

    def measure(self):
        """Measure once; the message is made once, too, however many watch."""
        sample = {
            "time": time(),
            "cpu": self.cpu(),
            "memory": memory(),
            "connections": len(self.watchers),
        }
        self.samples.append(sample)
        # Somebody whose network is slow misses samples, and doesn't fill this process's memory.
        broadcast(self.watchers, json.dumps([sample]), slow="drop")

    def cpu(self):
        """Return the percentage of one core that was used since the last call."""
        (wall, used), self.before = self.before, (monotonic(), process_time())
        return 100 * (self.before[1] - used) / max(self.before[0] - wall, 1e-9)


def memory():
    """Return the memory that this process has now, in MiB; Linux says it in pages."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * getpagesize() / 2**20


def site(dashboard):
    root = Resource()
    root.putChild(b"", File(PAGE))
    root.putChild(b"samples", WebSocketResource(dashboard.handler, origins=[SAME_ORIGIN]))
    return root


if __name__ == "__main__":
    dashboard = Dashboard()
    LoopingCall(dashboard.measure).start(INTERVAL)
    run(site(dashboard), "localhost", 8000)
