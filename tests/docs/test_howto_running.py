"""docs/howto/running.rst shows code that works."""

from pathlib import Path

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import ExampleTestCase, blocks, free_port
from tests.support.printed import PrintedTestCase

ECHO, MAIN = blocks(Path(ROOT, "docs", "howto", "running.rst").read_text(), "python")


class HandlerTests(PrintedTestCase):
    def test_a_handler_is_served(self):
        both = self.join_printed(ECHO)
        both.client.sendMessage("hello")
        self.assertEqual(both.result_of(both.client.recv()), "hello")


class FunctionTests(ExampleTestCase):
    async def test_a_function_runs_until_its_server_is_closed(self):
        port = free_port()
        program = self.run_block(MAIN, port)
        await self.until_somebody_listens(port)
        async with txws2.connect(f"ws://localhost:{port}/") as ws:
            await ws.send("hello")
            self.assertEqual(await ws.recv(), "hello")
        program.transport.signalProcess("INT")
        await program.ended
        self.assertEqual(program.status, 0)
