"""`print(ws)` shows class, state, peer and id."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txws2 import WebSocketServerFactory
from txws2.testing import joined


class DescribingTests(SynchronousTestCase):
    def factory(self):
        return WebSocketServerFactory(None, reactor=Clock())

    def test_before_it_is_connected_there_is_no_peer(self):
        ws = self.factory().buildProtocol(None)
        self.assertEqual(repr(ws), f"<WebSocketServerProtocol CONNECTING no peer {ws.id}>")

    def test_each_state_is_shown(self):
        with joined(self.factory()) as both:
            ws = both.server
            self.assertRegex(repr(ws), rf"^<WebSocketServerProtocol OPEN .+ {ws.id}>$")
            self.assertRegex(str(both.client), "^<WebSocketClientProtocol OPEN ")
            ws.close()
            self.assertIn(" CLOSING ", repr(ws))
            both.pump()
            self.assertIn(" CLOSED ", repr(ws))

    def test_a_name_of_the_peer_steers_no_terminal(self):
        ws = self.factory().buildProtocol(None)
        self.patch(ws, "_peer_address", lambda: "/run/\x1b[2J\n")
        self.assertIn(r"/run/\x1b[2J\n ", repr(ws))

    def test_a_transport_that_raises_does_no_harm(self):
        ws = self.factory().buildProtocol(None)
        self.patch(ws, "_peer_address", lambda: 1 / 0)
        self.assertIn(" no peer ", repr(ws))
