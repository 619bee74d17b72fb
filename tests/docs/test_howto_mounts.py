"""docs/howto/mounts.rst shows code that works."""

from pathlib import Path

from twisted.internet import reactor
from twisted.web.client import Agent, readBody

from tests.command.test_commands import ROOT
from tests.support.examples import ExampleTestCase, blocks, free_port
from txws2 import connect
from txws2.server.site_bodies import largest_body

HOWTO = Path(ROOT, "docs", "howto", "mounts.rst").read_text()
MANY, LOGGED, FORM = blocks(HOWTO, "python")


class MountsTests(ExampleTestCase):
    async def get(self, uri):
        response = await Agent(reactor).request(b"GET", uri.encode())
        return response.code, await readBody(response)

    async def test_two_websockets_and_files_are_on_one_port(self):
        port = free_port()
        command = self.run_block(MANY, port)
        await self.until_somebody_listens(port)
        for path in "echo", "chat/lobby":
            ws = await connect(f"ws://127.0.0.1:{port}/{path}", reactor=reactor)
            await ws.send("hello")
            self.assertEqual(await ws.recv(), "hello")
            await ws.close()
        code, _ = await self.get(f"http://127.0.0.1:{port}/nothing.html")
        self.assertEqual(code, 404)
        command.transport.signalProcess("TERM")
        await command.ended

    async def test_a_site_may_have_an_access_log(self):
        port = free_port()
        command = self.run_block(LOGGED, port)
        await self.until_somebody_listens(port)
        await self.get(f"http://127.0.0.1:{port}/nothing.html")
        command.transport.signalProcess("TERM")
        await command.ended
        self.assertNotIn("Traceback", command.out + command.err)

    def test_a_resource_may_limit_bodies(self):
        names = {}
        exec(FORM, names)
        root = names["Resource"]()
        root.putChild(b"form", names["Form"]())
        self.assertEqual(largest_body(root, [b"form"]), 10_000)
