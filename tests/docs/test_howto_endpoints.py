"""docs/howto/endpoints.rst shows code that works."""

from pathlib import Path

from tests.command.test_commands import ROOT
from tests.support.examples import ExampleTestCase, blocks, free_port
from tests.support.printed import PrintedTestCase
from txws2 import WebSocketClientEndpoint

HOWTO = Path(ROOT, "docs", "howto", "endpoints.rst").read_text()
BROKER, SERVER, CLIENT = blocks(HOWTO, "python")


class StringTests(PrintedTestCase):
    def test_a_broker_has_a_path_and_a_subprotocol(self):
        endpoint = self.run_printed(BROKER)["broker"](self.clock)
        self.assertIsInstance(endpoint, WebSocketClientEndpoint)


class EndpointTests(ExampleTestCase):
    async def test_a_client_calls_a_server(self):
        port = free_port()
        self.run_block(SERVER, port)
        await self.until_somebody_listens(port)
        client = self.run_block(CLIENT, port)
        await client.ended
        self.assertEqual((client.out, client.err, client.status), ("b'hello'\n", "", 0))
