"""docs/coming-from/aiohttp.rst: the programs before and after do the same."""

from pathlib import Path
from urllib.request import urlopen

from twisted.internet.threads import deferToThread

from tests.command.test_commands import ROOT
from tests.support.examples import ComparedTestCase


class ProgramTests(ComparedTestCase):
    examples = Path(ROOT, "docs", "examples", "coming-from", "aiohttp")
    said = "Hello!\nchat\nclosed with 1000\n"

    async def assertServes(self, name):
        port = await self.assertServesBoth(name)
        answer = await deferToThread(urlopen, f"http://localhost:{port}/")
        self.assertEqual(answer.read(), b"<title>Chat</title>")

    async def test_the_server_before_serves_both_clients(self):
        await self.assertServes("before_server.py")

    async def test_the_server_after_serves_both_clients(self):
        await self.assertServes("after_server.py")
