"""docs/howto/relay.rst shows code that works."""

from pathlib import Path

import twisted.internet
from twisted.internet.defer import CancelledError

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from tests.support.printed import PrintedTestCase
from txws2.relay import Relay
from txws2.testing import ScriptedServer

PAGE = Path(ROOT, "docs", "howto", "relay.rst").read_text()
SERVER, SITE, CLIENT, GUARDED = blocks(PAGE, "python")


class HowtoTests(PrintedTestCase):
    def setUp(self):
        super().setUp()
        self.patch(twisted.internet, "reactor", self.clock)
        Path("tokens").write_text("abc\n")
        self.addCleanup(Path("tokens").unlink)

    def with_tokens(self, block):
        return block.replace("/etc/relay/tokens", "tokens")

    def test_a_relay_is_a_handler(self):
        self.join_printed(self.with_tokens(SERVER), subprotocols=["relay.1.txws2"])

    def test_a_relay_is_in_a_site(self):
        self.run_printed(self.with_tokens(SITE))
        [(root, _, _)] = self.served
        self.assertIn(b"chat", root.children)

    def test_a_client_goes_on_where_it_was(self):
        self.addCleanup(Path("position").unlink)
        self.run_printed(CLIENT)
        [(main, _, _)] = self.served
        relay = Relay(reactor=self.clock)
        for sent in 1, 2:
            with ScriptedServer(relay, subprotocols=relay.subprotocols) as server:
                running = server.start(main(server.reactor))
                server.advance(1)
                self.assertEqual(self.printed(), ["EUR 1.07"] * sent)
                self.assertTrue(Path("position").read_text().endswith(f":{sent}"))
                running.cancel()
                self.failureResultOf(running, CancelledError)
                server.connection.server.close()
                server.advance(1)

    def test_only_the_owner_publishes_in_a_room(self):
        factory = self.serve_printed(GUARDED)
        options = {"subprotocols": ["relay.1.txws2"]}
        with self.assertRaises(txws2.InvalidStatus):
            self.join_printed(factory, **options)
        both = self.join_printed(factory, uri="ws://ann:secret@localhost:8000/", **options)
        may_publish = self.names["may_publish"]
        self.assertEqual([may_publish(both.server, room) for room in ("ann", "bob")], [True, False])
