"""Peers that read slowly: they stay connected, and get all that was sent before a close."""

import json
import sys
from collections import Counter
from itertools import product
from zlib import crc32

import pytest
from twisted.internet.defer import gatherResults

from tests.faults.cases import FaultCase
from tests.faults.figures import Memory, note
from tests.faults.readers import start_reader
from tests.faults.senders import payload
from tests.faults.victim import memory_of
from tests.interop.peer_process import Peer, start

pytestmark = pytest.mark.faults

SLOWEST, FASTEST, SPEEDS = 10_000, 100_000_000, 20
WAYS = list(product(("push", "pull", "whole", "wrapped"), ("tcp", "tls")))
NORMAL = "sent 1000 (OK); then received 1000 (OK)"
# The reason that a wrapped protocol gets for a normal close.
CLEANLY = "Connection was closed cleanly."


def speeds():
    """Return speeds from the slowest to the fastest, in equal ratios."""
    step = (FASTEST / SLOWEST) ** (1 / (SPEEDS - 1))
    return [round(SLOWEST * step**number) for number in range(SPEEDS)]


class Senders(Peer):
    """The process of `senders`."""


class SlowReaderTests(FaultCase):
    @pytest.fixture(autouse=True)
    def _readers(self, request, _seconds):
        option = request.config.getoption
        self.number, self.size = option("--readers"), option("--reader-size")
        self.longest = option("--reader-seconds")
        self.timeout = self.longest + 300

    async def test_attack_28_all_that_was_sent_before_a_close_arrives_however_slow_the_peer(self):
        senders = start(self, Senders(), sys.executable, "-m", "tests.faults.senders")
        ports = await senders.saw()
        before = memory_of(senders, "VmRSS")
        readers = []
        for number in range(self.number):
            speed = speeds()[number % SPEEDS]
            how, over = WAYS[(number // SPEEDS + number) % len(WAYS)]
            size = min(self.size, int(speed * self.longest))
            reader = await start_reader(self, ports[f"{how}/{over}"], over, speed, size)
            readers.append((f"{how} over {over} at {speed} B/s", size, reader))
        await gatherResults([reader.lost for _, _, reader in readers])
        missing = {
            name: f"{reader.got} of {size} bytes, code {reader.code}, after {reader.took:.0f} s"
            for name, size, reader in readers
            if (reader.got, reader.code) != (size, 1000) or reader.crc != crc32(payload(size))
        }
        self.assertEqual(missing, {})
        ends = Counter()
        for _ in readers:
            ended = (await senders.saw())["ended"]
            ends[ended] += 1
        self.assertLessEqual(set(ends), {NORMAL, CLEANLY})
        peak, after = memory_of(senders, "VmHWM"), memory_of(senders, "VmRSS")
        longest = max(reader.took for _, _, reader in readers)
        pings = sum(reader.pings for _, _, reader in readers)
        note(
            28,
            f"{len(readers)} readers of 10 KB/s to 100 MB/s",
            f"all {sum(size for _, size, _ in readers) / 1e6:.0f} MB that were sent before the "
            f"close arrived in {longest:.0f} s; {pings} pings, none failed",
            "none",
            Memory(before, peak, after),
        )
        print(json.dumps({name: f"{reader.took:.1f} s" for name, _, reader in readers}, indent=1))
