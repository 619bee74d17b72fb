"""The factory of a server's connections."""

from twisted.internet.interfaces import IProtocolNegotiationFactory
from zope.interface.verify import verifyObject

from tests.support.sides import QuietTestCase
from txws2.exceptions import NegotiationError
from txws2.server.factory import WebSocketServerFactory


class ALPNTests(QuietTestCase):
    def test_http_is_what_can_be_agreed_on(self):
        factory = WebSocketServerFactory(reactor=self.clock)
        verifyObject(IProtocolNegotiationFactory, factory)
        self.assertEqual(factory.acceptableProtocols(), [b"http/1.1"])


class FactoryTests(QuietTestCase):
    def make(self, **options):
        return WebSocketServerFactory(reactor=self.clock, **options)

    def test_origins_are_no_single_string(self):
        error = self.assertRaises(TypeError, self.make, origins="https://example.com")
        self.assertEqual(str(error), "origins is a sequence of strings, as ['https://example.com']")

    def test_subprotocols_are_tokens_and_differ(self):
        self.assertRaises(NegotiationError, self.make, subprotocols=["a b"])
        self.assertRaises(NegotiationError, self.make, subprotocols=["a", "a"])
