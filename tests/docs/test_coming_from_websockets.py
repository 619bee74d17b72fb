"""docs/coming-from/websockets.rst: the programs before and after do the same."""

from pathlib import Path
from urllib.request import urlopen

from twisted.internet.threads import deferToThread

from tests.command.test_commands import ROOT
from tests.support.examples import ExampleTestCase, free_port

EXAMPLES = Path(ROOT, "docs", "examples", "coming-from", "websockets")
SAID = "Ann: Hello!\nalive: True\nclosed with 1000\n"


class ProgramTests(ExampleTestCase):
    def run_program(self, name, port):
        return self.run_block((EXAMPLES / name).read_text(), port)

    async def assertServes(self, name):
        port = free_port()
        self.run_program(name, port)
        await self.until_somebody_listens(port)
        clients = "before_client.py", "after_client.py"
        for client in [self.run_program(name, port) for name in clients]:
            await client.ended
            self.assertEqual((client.out, client.status), (SAID, 0), client.err)
        answer = await deferToThread(urlopen, f"http://localhost:{port}/health")
        self.assertEqual((answer.status, answer.read()), (200, b"OK\n"))

    async def test_the_server_before_serves_both_clients(self):
        await self.assertServes("before_server.py")

    async def test_the_server_on_asyncio_serves_both_clients(self):
        await self.assertServes("asyncio_server.py")

    async def test_the_server_after_serves_both_clients(self):
        await self.assertServes("after_server.py")
