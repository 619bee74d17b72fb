"""The twins deliver events in the same order."""

import os
import subprocess
import sys

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.support.sides import CLOSE, PING, TEXT, ServerSide, closing
from tests.support.twins import in_c
from txws2 import ConnectionClosedOK

CONNECTIONS = 400


class KnowingTests(ServerSide):
    """Whoever is woken by a read finds the connection as it is after all frames of the read."""

    async def close_by_recv(self):
        await self.ws.recv()
        self.ws.close()

    async def close_by_iteration(self):
        async for _ in self.ws:
            self.ws.close()

    async def close_by_streaming(self):
        async for _ in self.ws.recv_streaming():
            self.ws.close()

    def test_a_reader_that_closes_after_the_close_frame_of_its_read_is_second(self):
        for close in (self.close_by_recv, self.close_by_iteration, self.close_by_streaming):
            for between in ([], [(PING, b"p")]):
                self.open()
                Deferred.fromCoroutine(close()).addErrback(lambda _: None)
                self.hear((TEXT, b"a"), *between, (CLOSE, closing(1000)))
                self.joined.drop()
                closed = self.failureResultOf(self.ws.recv(), ConnectionClosedOK).value
                self.assertEqual(str(closed), "received 1000 (OK); then sent 1000 (OK)")


@in_c
class OrderTests(TestCase):
    def order(self, **environment):
        """Return the events of some connections, in a process with this environment."""
        command = [sys.executable, "-m", "tests.support.orders", str(CONNECTIONS)]
        return subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | environment,
            check=True,
            text=True,
        ).stdout.splitlines()

    def test_the_twins_print_the_same(self):
        for found, expected in zip(self.order(), self.order(TXWS2_NO_SPEEDUPS="1"), strict=True):
            self.assertEqual(found, expected)
