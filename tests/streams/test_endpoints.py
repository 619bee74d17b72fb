"""Endpoints over WebSocket, with several protocols on them and several endpoints below."""

from twisted.application.internet import ClientService
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import connectProtocol
from twisted.internet.error import ConnectError, ConnectionDone, NoProtocol
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.client.test_connections import Reactor, Resolver
from tests.support.sides import URI, QuietTestCase
from tests.support.streams import CLIENT, SERVER, Made, MemoryEndpoint, Plain
from txws2.exceptions import InvalidStatus, InvalidURI, OpeningTimeout
from txws2.streams.endpoints import WebSocketClientEndpoint, WebSocketServerEndpoint


class Silent(Factory):
    """Accepts connections, and sends nothing."""

    noisy = False
    protocol = Plain


class Never:
    """An endpoint that neither connects nor fails."""

    cancelled = False

    def connect(self, factory):
        def cancel(_):
            self.cancelled = True

        return Deferred(cancel)


class EndpointTestCase(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.below = MemoryEndpoint(self.clock)

    def client(self, uri=URI, endpoint=None, **options):
        endpoint = endpoint or self.below
        return WebSocketClientEndpoint(self.clock, uri, endpoint=endpoint, **options)

    def listen(self, factory, **options):
        server = WebSocketServerEndpoint(self.below, reactor=self.clock, **options)
        return self.successResultOf(server.listen(factory))

    def connect(self, factory, **options):
        """Connect a protocol of a factory; return the protocol."""
        connecting = self.client(**options).connect(factory)
        self.below.joined.pump()
        return self.successResultOf(connecting)

    def pump(self):
        self.below.joined.pump()


class EndpointTests(EndpointTestCase):
    def test_they_are_endpoints(self):
        verifyObject(IStreamClientEndpoint, self.client())
        server = WebSocketServerEndpoint(self.below, reactor=self.clock)
        verifyObject(IStreamServerEndpoint, server)

    def test_a_protocol_of_the_client_talks_to_one_of_the_server(self):
        servers, clients = Made(), Made()
        self.assertIs(self.listen(servers), self.below)
        client = self.connect(clients)
        self.assertEqual(clients.made, [client])
        [server] = servers.made
        client.transport.write(b"up")
        server.transport.write(b"\xff")
        self.pump()
        self.assertEqual((server.received, client.received), ([b"up"], [b"\xff"]))

    def test_the_server_s_first_bytes_reach_the_client(self):
        class Greeting(Plain):
            def connectionMade(self):
                self.transport.write(b"hello")

        self.listen(Made(Greeting))
        self.assertEqual(self.connect(Made()).received, [b"hello"])

    def test_either_may_send_text(self):
        self.listen(Made(), text=True)
        client = self.connect(Made(), text=True)
        self.assertRaises(TypeError, client.transport.write, 1)
        client.transport.write("text")

    def test_a_protocol_can_be_connected_alone(self):
        self.listen(Made())
        connecting = connectProtocol(self.client(), Plain())
        self.pump()
        self.successResultOf(connecting).transport.loseConnection()

    def test_each_protocol_is_made_for_the_address_of_its_peer(self):
        servers, clients = Made(), Made()
        self.listen(servers)
        self.connect(clients)
        self.assertEqual((servers.addresses, clients.addresses), ([CLIENT], [SERVER]))

    def test_the_factory_of_a_client_runs_while_it_is_tried(self):
        clients = Made()
        self.failureResultOf(self.client().connect(clients), ConnectError)
        self.assertEqual(clients.numPorts, 0)
        self.listen(Made())
        self.connect(clients)
        self.assertTrue(clients.running)

    def test_a_mistake_in_the_options_is_found_at_once(self):
        self.assertRaises(InvalidURI, self.client, "http://example.com/")
        self.assertRaises(ValueError, self.client, open_timeout=0)
        server = WebSocketServerEndpoint
        self.assertRaises(ValueError, server, self.below, path="amp", reactor=self.clock)
        self.assertRaises(ValueError, server, self.below, max_size=-1, reactor=self.clock)


class FailingTests(EndpointTestCase):
    def test_a_refusal_is_reported_with_the_response(self):
        self.listen(Made(), path="/elsewhere")
        connecting = self.client().connect(Made())
        self.pump()
        exc = self.failureResultOf(connecting, InvalidStatus).value
        self.assertEqual(exc.response.status_code, 404)

    def test_a_factory_that_makes_no_protocol_fails_with_no_protocol(self):
        clients = Made()
        clients.buildProtocol = lambda addr: None
        self.assertFails(clients, NoProtocol)

    def test_a_factory_that_raises_fails_with_that(self):
        self.assertFails(Made(lambda: 1 / 0), ZeroDivisionError)

    def test_a_protocol_that_raises_when_connected_fails_with_that(self):
        class Wrong(Plain):
            def connectionMade(self):
                raise ZeroDivisionError

        clients = Made(Wrong)
        self.assertFails(clients, ZeroDivisionError)
        self.assertEqual(len(clients.made[0].lost), 1)

    def assertFails(self, clients, kind):
        """Assert that connecting fails with this, and that nothing is left of the connection."""
        servers = Made()
        self.listen(servers)
        connecting = self.client(ping_interval=None).connect(clients)
        self.pump()
        self.failureResultOf(connecting, kind)
        self.assertEqual(len(servers.made[0].lost), 1)
        self.assertFalse(self.below.joined.client_transport.connected)

    def test_it_always_fires_within_open_timeout(self):
        self.below.listen(Silent())
        connecting = self.client(open_timeout=5).connect(Made())
        self.clock.advance(5)
        self.failureResultOf(connecting, OpeningTimeout)

    def test_it_fires_although_the_endpoint_below_never_does(self):
        below = Never()
        connecting = self.client(endpoint=below, open_timeout=5).connect(Made())
        self.clock.advance(5)
        self.failureResultOf(connecting, OpeningTimeout)
        self.assertTrue(below.cancelled)

    def test_it_can_be_cancelled_while_it_connects(self):
        below = Never()
        connecting = self.client(endpoint=below).connect(Made())
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertTrue(below.cancelled)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_can_be_cancelled_during_the_handshake(self):
        clients = Made()
        self.listen(Made())
        connecting = self.client().connect(clients)
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.pump()
        self.assertEqual(clients.made, [])
        self.assertFalse(self.below.joined.client_transport.connected)


class ServiceTests(EndpointTestCase):
    def test_a_client_service_connects_again(self):
        servers, clients = Made(), Made()
        self.listen(servers)
        service = ClientService(self.client(), clients, lambda failures: 1, clock=self.clock)
        service.startService()
        self.pump()
        self.assertIsNotNone(self.successResultOf(service.whenConnected()))
        self.below.joined.drop()
        self.clock.advance(1)
        self.pump()
        self.assertEqual((len(clients.made), len(servers.made)), (2, 2))
        clients.made[1].transport.write(b"again")
        self.pump()
        self.assertEqual(servers.made[1].received, [b"again"])

    def test_it_stops_with_a_close_frame(self):
        servers = Made()
        self.listen(servers)
        service = ClientService(self.client(), Made(), clock=self.clock)
        service.startService()
        self.pump()
        stopping = service.stopService()
        self.pump()
        self.successResultOf(stopping)
        [reason] = servers.made[0].lost
        self.assertIs(type(reason), ConnectionDone)

    def test_it_tries_again_after_a_refusal(self):
        self.listen(Made(), path="/elsewhere")
        clients = Made()
        service = ClientService(self.client(), clients, lambda failures: 1, clock=self.clock)
        service.startService()
        self.pump()
        self.listen(Made())
        self.clock.advance(1)
        self.pump()
        self.assertEqual(len(clients.made), 1)
        service.stopService()


class AddressTests(QuietTestCase):
    """The addresses that a client connects to without an endpoint below."""

    def setUp(self):
        super().setUp()
        self.reactor = Reactor()
        self.reactor.nameResolver = Resolver()

    def connect(self, uri, **options):
        endpoint = WebSocketClientEndpoint(self.reactor, uri, **options)
        connecting = endpoint.connect(Made())
        self.addCleanup(lambda: connecting.cancel() or self.failureResultOf(connecting))
        [(host, port, factory, *_)] = self.reactor.tcpClients
        return host, port, factory.buildProtocol(None)

    def test_it_goes_to_the_host_and_port_of_the_uri(self):
        host, port, _ = self.connect("ws://127.0.0.1:8080/")
        self.assertEqual((host, port), ("127.0.0.1", 8080))

    def test_for_wss_there_is_tls(self):
        host, port, protocol = self.connect("wss://127.0.0.1/")
        self.assertEqual((host, port), ("127.0.0.1", 443))
        self.assertIsInstance(protocol._wrappedProtocol, TLSMemoryBIOProtocol)

    def test_the_options_of_tls_may_be_given(self):
        class Asked(Exception):
            pass

        @implementer(IOpenSSLClientConnectionCreator)
        class Creator:
            def clientConnectionForTLS(self, protocol):
                raise Asked

        _, _, protocol = self.connect("wss://127.0.0.1/", tls=Creator())
        protocol.makeConnection(StringTransport())
        self.assertIsInstance(protocol._wrappedProtocol.broken, Asked)

    def test_a_host_that_cannot_be_looked_up_is_found_at_once(self):
        self.assertRaises(InvalidURI, WebSocketClientEndpoint, self.reactor, "ws://a..b/")
