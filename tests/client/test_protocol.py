"""The client's factory; its handshake is in test_client_handshake.py."""

from twisted.internet.error import ConnectionLost
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.sides import QuietTestCase, RecordedClient
from txws2._connection.handle import driver_of
from txws2.client.protocol import WebSocketClientFactory
from txws2.exceptions import InvalidURI, NegotiationError, OpeningTimeout
from txws2.wire.http.uris import parse_uri


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

    def test_each_connection_has_a_key_of_its_own(self):
        factory = WebSocketClientFactory("ws://h/")
        keys = {factory.next_request().headers["Sec-WebSocket-Key"] for _ in range(5)}
        self.assertEqual(len(keys), 5)

    def test_an_option_that_was_changed_since_counts(self):
        for name, value, header in (
            ("origin", "http://o", "Origin"),
            ("subprotocols", ("chat",), "Sec-WebSocket-Protocol"),
            ("user_agent_header", "me", "User-Agent"),
            ("authorization", "Basic x", "Authorization"),
            ("additional_headers", {"X-One": "1"}, "X-One"),
        ):
            factory = WebSocketClientFactory("ws://h/")
            setattr(factory, name, value)
            self.assertIn(header, factory.next_request().headers)
        changed = {}
        factory = WebSocketClientFactory("ws://h/", additional_headers=changed)
        changed["X-One"] = "1"
        self.assertIn("X-One", factory.next_request().headers)
        factory = WebSocketClientFactory("ws://h/")
        factory.redirect(parse_uri("ws://g/"))
        self.assertEqual(factory.next_request().headers["Host"], "g")

    def test_a_method_of_a_subclass_makes_the_request_of_each_connection(self):
        class Counting(WebSocketClientFactory):
            count = 0

            def build_request(self):
                self.count += 1
                request = super().build_request()
                request.headers.addRawHeader("X-Count", str(self.count))
                return request

        factory = Counting("ws://h/")
        counts = [factory.next_request().headers["X-Count"] for _ in range(2)]
        self.assertEqual(counts, ["2", "3"])

    def test_elsewhere_it_asks_without_what_was_for_one_origin(self):
        headers = {"Cookie": "a=b", "X-One": "1"}
        factory = WebSocketClientFactory("ws://h/", additional_headers=headers)
        factory.redirect(parse_uri("ws://h/other"))
        request = factory.build_request()
        self.assertEqual((request.path, request.headers["Cookie"]), ("/other", "a=b"))
        factory.redirect(parse_uri("ws://g/"))
        request = factory.build_request()
        self.assertEqual((request.headers["Host"], request.headers["X-One"]), ("g", "1"))
        self.assertNotIn("Cookie", request.headers)
        self.assertEqual(factory.server_name, "g")


class TLSTests(SynchronousTestCase):
    def test_a_timeout_within_its_handshake_says_so(self):
        clock = Clock()
        factory = WebSocketClientFactory("wss://localhost/", reactor=clock)
        tls = optionsForClientTLS("localhost")
        outer = TLSMemoryBIOFactory(tls, True, factory, clock).buildProtocol(None)
        transport = StringTransport()
        transport.abortConnection = transport.loseConnection
        outer.makeConnection(transport)
        opening = outer.wrappedProtocol.wait_opened()
        clock.advance(10)
        self.assertTrue(transport.disconnecting)
        # Giving it up again returns the same.
        verdict = driver_of(outer.wrappedProtocol).give_up_opening()
        self.assertEqual(verdict.stage, "the TLS handshake")
        outer.connectionLost(Failure(ConnectionLost()))
        timeout = self.failureResultOf(opening, OpeningTimeout).value
        self.assertEqual(timeout.stage, "the TLS handshake")
        self.assertEqual(clock.getDelayedCalls(), [])


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
