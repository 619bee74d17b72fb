"""The command line and the figures of a client.

    SOMETHING_client.py URI feed|ask|send SIZE SECONDS WARMUP [deflate] [STYLE]

It talks without end. After the warmup and the seconds it prints one JSON object, and ends.
"""

import json
import os
import sys
from time import perf_counter, process_time

uri, kind = sys.argv[1:3]
size = int(sys.argv[3])
seconds, warmup = map(float, sys.argv[4:6])
options = sys.argv[6:]
deflate = "deflate" in options
text = "x" * size

# Reading the clocks once in this time costs nothing.
SECONDS_OF_A_LAP = 0.01


class Stopwatch:
    """A count of messages, in laps that become longer until the clocks cost nothing."""

    def __init__(self):
        self.size = 1
        self.messages = 0
        self.began_counting = None
        self.began = self.began_lap = perf_counter()

    def lap(self):
        """Return the number of messages of the next lap; end the process if the time is over."""
        now = perf_counter()
        if self.began_counting is None:
            if now - self.began >= warmup:
                self.began_counting, self.cpu = now, process_time()
        else:
            self.messages += self.size
            if now - self.began_counting >= seconds:
                self.end(now)
        if now - self.began_lap < SECONDS_OF_A_LAP:
            self.size *= 2
        self.began_lap = now
        return self.size

    def end(self, now):
        """Print the figures, and end the process without closing the connection."""
        cpu, elapsed = process_time() - self.cpu, now - self.began_counting
        figures = {
            "count": self.messages,
            "per_second": self.messages / elapsed,
            "cpu_us": cpu / self.messages * 1e6,
            "busy": cpu / elapsed,
        }
        print(json.dumps(figures), flush=True)
        os._exit(0)


async def pull(send, receive):
    """Talk with two coroutine functions."""
    watch = Stopwatch()
    while True:
        for _ in range(watch.lap()):
            if kind != "feed":
                await send(text)
            if kind != "send":
                await receive()


class Push:
    """Counts messages that come to a callback, and asks for the next."""

    def __init__(self):
        self.watch = Stopwatch()
        self.left = self.watch.lap()
        self.asks = kind == "ask"

    def count(self):
        """Count a message."""
        self.left -= 1
        if not self.left:
            self.left = self.watch.lap()
