"""docs/howto/rooms.rst shows code that works."""

import json
from pathlib import Path

from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from tests.support.printed import PrintedTestCase
from txws2.testing import joined

CHAT, PRICES = blocks(Path(ROOT, "docs", "howto", "rooms.rst").read_text(), "python")


class HowtoTests(PrintedTestCase):
    def connect(self, **options):
        return self.enterContext(joined(**options))

    def enter(self, name):
        uri = f"ws://example.com/lobby/{name}"
        return self.connect(handler=self.names["chat"], uri=uri)

    def next_of(self, both):
        return json.loads(both.result_of(both.client.recv()))

    def test_a_chat(self):
        self.run_printed(CHAT)
        alice = self.enter("alice")
        self.assertEqual(self.next_of(alice), {"here": ["alice"]})
        bob = self.enter("bob")
        self.assertEqual(self.next_of(bob), {"here": ["alice", "bob"]})
        self.assertEqual(self.next_of(alice), {"joined": "bob"})
        alice.client.sendMessage("hello")
        alice.pump()
        self.assertEqual(self.next_of(bob), {"from": "alice", "text": "hello"})
        alice.drop()
        self.assertEqual(self.next_of(bob), {"left": "alice"})
        bob.drop()
        self.assertEqual(self.successResultOf(self.names["rooms"].names()), [])
        # The handler of a client that is cut off ends with its connection, which is no error.
        self.assertEqual(alice.take_failures() + bob.take_failures(), [])

    def test_prices(self):
        self.run_printed(PRICES)
        both = self.connect(server=self.names["Watcher"])
        self.names["price_changed"]("1.50")
        self.assertEqual(both.result_of(both.client.recv()), "1.50")
        both.client.sendMessage("stop")
        both.pump()
        self.names["price_changed"]("1.60")
        both.pump()
        self.assertNoResult(both.client.recv().addErrback(lambda _: None))
