"""The client's factory; its handshake is in test_client_handshake.py."""

from twisted.trial.unittest import SynchronousTestCase

from tests.sides import QuietTestCase, RecordedClient
from txws2.client import WebSocketClientFactory
from txws2.exceptions import InvalidURI, NegotiationError


class FactoryTests(SynchronousTestCase):
    def test_mistakes_are_seen_when_it_is_made(self):
        self.assertRaises(InvalidURI, WebSocketClientFactory, "http://example.com/")
        options = {"subprotocols": ["a b"]}
        self.assertRaises(NegotiationError, WebSocketClientFactory, "ws://h/", **options)

    def test_the_uri_is_there_in_its_parts(self):
        uri = WebSocketClientFactory("wss://me:secret@example.com/chat?x=1").uri
        self.assertEqual((uri.secure, uri.host, uri.port), (True, "example.com", 443))
        self.assertEqual(uri.resource_name, "/chat?x=1")

    def test_credentials_become_a_header_and_leave_the_uri(self):
        request = WebSocketClientFactory("ws://me:secret@example.com/chat").build_request()
        self.assertEqual(request.headers["Authorization"], "Basic bWU6c2VjcmV0")
        self.assertEqual(request.headers["Host"], "example.com")
        self.assertEqual(request.path, "/chat")


class SessionTests(QuietTestCase):
    def test_a_client_can_be_used_in_pull_style(self):
        both = self.join(client=RecordedClient, handler=lambda ws: ws.recv().addCallback(ws.send))
        both.client.send("hello")
        both.pump()
        self.assertEqual(self.successResultOf(both.client.recv()), "hello")
        self.assertClosed(
            both.client.recv(), "ConnectionClosedOK: received 1000 (OK); then sent 1000 (OK)"
        )

    def test_the_connections_are_those_that_are_connected(self):
        both = self.join()
        self.assertEqual(both.client.factory.connections, {both.client})
        both.drop()
        self.assertEqual(both.client.factory.connections, set())
