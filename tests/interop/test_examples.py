"""The documentation's examples that take the string of an endpoint."""

import sys

from twisted.trial.unittest import TestCase

from tests.interop.peer_process import ROOT, ProcessLines, start

EXAMPLES = ROOT / "docs" / "examples"


class ExampleTests(TestCase):
    timeout = 60

    def start(self, example, endpoint):
        return start(self, ProcessLines(), sys.executable, EXAMPLES / example, endpoint)

    async def play(self, name, server="ws:0:interface=127.0.0.1", client="ws:127.0.0.1:{}"):
        """Run a server and a client; return the client's output."""
        words = (await self.start(f"{name}_server.py", server).line()).split()
        return await self.start(f"{name}_client.py", client.format(words[-1])).line()

    async def test_amp(self):
        self.assertEqual(await self.play("amp"), "42")

    async def test_amp_at_a_path(self):
        server, client = "ws:0:interface=127.0.0.1:path=/amp", "ws:127.0.0.1:{}:/amp"
        self.assertEqual(await self.play("amp", server, client), "42")

    async def test_amp_over_tcp_as_before(self):
        server, client = "tcp:0:interface=127.0.0.1", "tcp:127.0.0.1:{}"
        self.assertEqual(await self.play("amp", server, client), "42")

    async def test_perspective_broker(self):
        self.assertEqual(await self.play("pb"), "['buy milk']")
