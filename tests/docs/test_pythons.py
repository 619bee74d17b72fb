"""docs/pythons.rst shows code that works."""

from pathlib import Path

from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from tests.support.printed import PrintedTestCase
from txws2.testing import ScriptedServer

[LOOP] = blocks(Path(ROOT, "docs", "pythons.rst").read_text(), "python")


class PageTests(PrintedTestCase):
    def test_leaving_a_loop_closes_its_connection(self):
        async def greet(ws):
            await ws.send("hello")
            await ws.wait_closed()

        self.run_printed(LOOP)
        [(main, _, _)] = self.served
        with ScriptedServer(greet) as server:
            self.successResultOf(server.start(main(server.reactor)))
            self.assertEqual(server.connection.server.close_code, 1000)
        self.assertEqual(self.printed(), ["hello"])
