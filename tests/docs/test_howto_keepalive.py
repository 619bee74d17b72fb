"""docs/howto/keepalive.rst shows code that works."""

from pathlib import Path

from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from tests.support.printed import PrintedTestCase
from txws2.testing import ScriptedServer

[HEARTBEAT] = blocks(Path(ROOT, "docs", "howto", "keepalive.rst").read_text(), "python")


class HowtoTests(PrintedTestCase):
    def test_a_heartbeat_is_sent_beside_the_loop_until_the_end(self):
        heard = []

        async def serve(ws):
            await ws.send("hello")
            async for message in ws:
                heard.append(message)

        self.run_printed(HEARTBEAT)
        [(main, place, _)] = self.served
        self.assertEqual(place, ())
        with ScriptedServer(serve) as server:
            running = server.start(main(server.reactor))
            server.advance(61)
            self.assertEqual(heard, ['{"type": "heartbeat"}'] * 2)
            server.connection.server.close()
            server.pump()
            self.successResultOf(running)
            self.assertEqual(server.reactor.getDelayedCalls(), [])
        self.assertEqual(self.printed(), ["hello"])
