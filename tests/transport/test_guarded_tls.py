"""If anything raises while a connection is made, `connect` fires, and nothing is left."""

from unittest.mock import Mock

from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IStreamClientEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.client.test_connections import ConnectTestCase, Transport
from tests.support.sides import RecordedClient, answer
from txws2.client import handshake
from txws2.client import proxy_endpoint as proxy
from txws2.client import tunnel as tunnelling
from txws2.client.protocol import WebSocketClientFactory, WebSocketClientProtocol
from txws2.exceptions import InvalidHandshake, OpeningTimeout, ProxyError

TUNNEL = b"HTTP/1.1 200 OK\r\n\r\n"


class Counting(Transport):
    """Counts how often it is aborted."""

    aborted = 0

    def abortConnection(self):
        self.aborted += 1
        super().abortConnection()


class GuardTestCase(ConnectTestCase):
    """Connects without a limit in time."""

    def connect(self, uri="ws://127.0.0.1:8000/", **options):
        options.setdefault("open_timeout", None)
        return super().connect(uri, **options)

    def accept(self):
        factory = self.reactor.tcpClients[-1][2]
        self.protocol = factory.buildProtocol(None)
        self.transport = Counting()
        if self.protocol is not None:
            self.transport.protocol = self.protocol
            self.protocol.makeConnection(self.transport)

    def assertFails(self, connecting, kind=KeyError):
        """Assert that it fails with this, or because of this, and that all is gone."""
        self.reactor.pump([0.3] * 4)
        failure = self.failureResultOf(connecting)
        causes = [failure.value, failure.value.__cause__]
        self.assertTrue(any(isinstance(each, kind) for each in causes), failure)
        self.assertNothingLeft()
        return failure.value

    def assertFailsAborted(self, connecting, kind=KeyError):
        exc = self.assertFails(connecting, kind)
        self.assertEqual(self.transport.aborted, 1)
        return exc


@implementer(IOpenSSLClientConnectionCreator)
class Creator:
    """Makes TLS connections by calling a function."""

    def __init__(self, make):
        self.clientConnectionForTLS = lambda protocol: make()


class TLSTests(GuardTestCase):
    uri = "wss://127.0.0.1:8000/"

    def dial(self, make, **options):
        connecting = self.connect(self.uri, tls=Creator(make), **options)
        self.accept()
        return connecting

    def test_a_connection_creator_that_raises(self):
        for raised in KeyError, SystemExit:
            connecting = self.dial(Mock(side_effect=raised))
            self.assertFailsAborted(connecting, raised)

    def test_one_that_makes_something_else(self):
        self.assertFailsAborted(self.dial(lambda: None), AttributeError)
        self.assertFailsAborted(self.dial(lambda: 5), AttributeError)

    def begun(self):
        """Return what stands for a connection whose handshake has begun."""
        connection = Mock()
        connection.do_handshake.side_effect = SSL.WantReadError
        connection.bio_read.side_effect = SSL.WantReadError
        connection.recv.side_effect = connection.send.side_effect = SSL.WantReadError
        connection.get_finished.return_value = connection.get_peer_finished.return_value = None
        return connection

    def test_a_connection_that_raises_in_the_midst_of_the_handshake(self):
        for method in "bio_write", "do_handshake":
            connection = self.begun()
            connecting = self.dial(lambda connection=connection: connection)
            self.assertNoResult(connecting)
            getattr(connection, method).side_effect = KeyError
            self.protocol.dataReceived(b"x")
            self.protocol.dataReceived(b"y")
            self.assertFailsAborted(connecting)

    def test_a_connection_that_raises_at_its_end(self):
        connection = self.begun()
        connecting = self.dial(lambda: connection)
        connection.bio_shutdown.side_effect = KeyError
        self.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertFails(connecting)

    def test_a_failure_that_cannot_be_explained(self):
        connection = self.begun()
        connecting = self.dial(lambda: connection)
        self.patch(handshake, "tls_failure", Mock(side_effect=KeyError))
        self.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertFails(connecting)

    def test_the_protocol_hears_of_its_end_once(self):
        connection, lost = self.begun(), []

        class Recorded(WebSocketClientProtocol):
            def connectionLost(self, reason):
                lost.append(reason.value)

        connecting = self.dial(lambda: connection, create_protocol=Recorded)
        connection.bio_write.side_effect = KeyError
        self.protocol.dataReceived(b"x")
        self.assertFailsAborted(connecting)
        self.assertEqual(len(lost), 1)


class ThroughProxyTests(TLSTests):
    """The same, with TLS in a tunnel."""

    def dial(self, make, **options):
        proxied = "http://127.0.0.1:3128"
        connecting = self.connect(self.uri, tls=Creator(make), proxy=proxied, **options)
        self.accept()
        self.protocol.dataReceived(TUNNEL)
        return connecting


class ProxyTests(GuardTestCase):
    def dial(self, **options):
        connecting = self.connect(proxy="http://127.0.0.1:3128", **options)
        self.accept()
        return connecting

    def test_a_creator_of_the_proxy_s_tls_that_raises(self):
        creator = Creator(Mock(side_effect=KeyError))
        connecting = self.connect(proxy="https://127.0.0.1:3128", proxy_tls=creator)
        self.accept()
        self.assertFailsAborted(connecting)

    def test_create_protocol_raises_at_the_end_of_the_tunnel(self):
        connecting = self.dial(create_protocol=Mock(side_effect=KeyError))
        self.protocol.dataReceived(TUNNEL)
        self.assertFailsAborted(connecting)

    def test_a_request_that_cannot_be_built_there(self):
        connecting = self.dial()
        self.patch(WebSocketClientFactory, "build_request", Mock(side_effect=KeyError))
        self.protocol.dataReceived(TUNNEL)
        self.assertFailsAborted(connecting)

    def test_early_bytes_cannot_be_read(self):
        connecting = self.dial()
        self.patch(handshake, "check_response", Mock(side_effect=KeyError))
        self.protocol.dataReceived(TUNNEL + answer(b"Sec-WebSocket-Key: x\r\n"))
        self.assertFailsAborted(connecting)

    def test_an_answer_of_the_proxy_raises(self):
        connecting = self.dial()
        self.patch(proxy.HTTPTunnel, "receive", Mock(side_effect=KeyError))
        self.protocol.dataReceived(TUNNEL)
        self.assertFailsAborted(connecting)

    def test_its_end_cannot_be_explained(self):
        connecting = self.dial()
        self.patch(tunnelling, "tls_failure", Mock(side_effect=KeyError))
        self.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertIsInstance(self.assertFails(connecting), ProxyError)


class Quiet(WebSocketClientProtocol):
    """Says nothing."""


class ProtocolTests(GuardTestCase):
    def test_create_protocol_raises(self):
        connecting = self.connect(create_protocol=Mock(side_effect=KeyError))
        self.accept()
        self.assertFails(connecting)

    def test_create_protocol_makes_something_else(self):
        for made in None, object(), Mock():
            connecting = self.connect(create_protocol=lambda made=made: made)
            self.accept()
            self.assertIn("create_protocol", str(self.assertFails(connecting, TypeError)))

    def test_the_request_cannot_be_built(self):
        connecting = self.connect()
        self.patch(WebSocketClientFactory, "build_request", Mock(side_effect=KeyError))
        self.accept()
        self.assertFailsAborted(connecting)

    def test_the_transport_raises(self):
        for method in "write", "abortConnection":
            connecting = self.connect()
            self.patch(Counting, "write", Mock(side_effect=KeyError))
            if method == "abortConnection":
                self.patch(Counting, method, Mock(side_effect=ValueError))
            self.accept()
            self.assertFails(connecting)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_the_answer_cannot_be_read(self):
        connecting = self.connect()
        self.accept()
        self.patch(handshake, "check_response", Mock(side_effect=KeyError))
        self.protocol.dataReceived(answer(self.transport.value()))
        self.protocol.dataReceived(b"more")
        self.assertFailsAborted(connecting)

    def test_the_body_of_a_refusal_cannot_be_read(self):
        connecting = self.connect()
        self.accept()
        self.patch(handshake, "BodyReader", Mock(side_effect=KeyError))
        self.protocol.dataReceived(b"HTTP/1.1 403 No\r\n\r\n")
        self.assertFailsAborted(connecting)

    def test_connectionMade_raises(self):
        for raised in KeyError, SystemExit:
            made = {"connectionMade": Mock(side_effect=raised)}
            connecting = self.connect(create_protocol=type("Broken", (Quiet,), made))
            self.accept()
            self.assertFailsAborted(connecting, raised)
            self.assertEqual(self.transport.value(), b"")
            self.assertEqual(len(self.flushLoggedErrors(raised)), 1)

    def test_connectionLost_raises(self):
        lost = {"connectionLost": Mock(side_effect=KeyError)}
        connecting = self.connect(create_protocol=type("Broken", (RecordedClient,), lost))
        self.accept()
        self.protocol.connectionLost(Failure(ConnectionLost()))
        self.assertFails(connecting, InvalidHandshake)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)


@implementer(IStreamClientEndpoint)
class Endpoint:
    """Connects by calling a function."""

    def __init__(self, connect):
        self.connect = connect


class EndpointTests(GuardTestCase):
    def dial(self, connect, **options):
        return self.connect(endpoint=Endpoint(connect), **options)

    def test_one_that_raises_or_fails(self):
        self.assertFails(self.dial(Mock(side_effect=KeyError)))
        self.assertFails(self.dial(lambda factory: fail(KeyError())))

    def test_one_that_returns_no_deferred(self):
        for returned in None, 5:
            exc = self.assertFails(self.dial(lambda _, it=returned: it), TypeError)
            self.assertIn("must return a Deferred", str(exc))

    def test_one_that_brings_another_protocol_or_none(self):
        for brought in None, Mock():
            exc = self.assertFails(self.dial(lambda _, it=brought: succeed(it)), TypeError)
            self.assertIn("must fire with the protocol of the factory", str(exc))

    def test_one_that_fails_although_there_is_a_connection(self):
        def connect(factory):
            protocol = factory.buildProtocol(None)
            self.transport = Counting()
            self.transport.protocol = protocol
            protocol.makeConnection(self.transport)
            raise KeyError

        self.assertFailsAborted(self.dial(connect))

    def stubborn(self):
        """Return functions that connect, of endpoints that can't be cancelled."""

        async def insist(never):
            while True:
                try:
                    return await never
                except CancelledError:
                    never = self.late

        def raising(_):
            raise KeyError

        self.late = Deferred(lambda _: None)
        return (
            lambda _: Deferred.fromCoroutine(insist(Deferred())),
            lambda _: Deferred(raising),
        )

    def test_one_that_cannot_be_cancelled_is_left_when_the_time_is_up(self):
        for connect in self.stubborn():
            connecting = self.dial(connect, open_timeout=3)
            self.reactor.advance(2.9)
            self.assertNoResult(connecting)
            self.reactor.advance(0.1)
            self.failureResultOf(connecting, OpeningTimeout)
            self.assertNothingLeft()

    def test_cancelling_what_cannot_be_cancelled_fires(self):
        for connect in self.stubborn():
            connecting = self.dial(connect)
            connecting.cancel()
            self.failureResultOf(connecting, CancelledError)
            self.assertNothingLeft()

    def test_a_connection_that_it_brings_too_late_is_closed(self):
        made = []

        def connect(factory):
            made.append(factory)
            return self.stubborn()[0](factory)

        connecting = self.dial(connect, open_timeout=3)
        self.reactor.advance(3)
        self.failureResultOf(connecting, OpeningTimeout)
        protocol = made[0].buildProtocol(None)
        self.transport = Counting()
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)
        self.late.callback(protocol)
        protocol.dataReceived(answer(self.transport.value()))
        self.transport.loseConnection()
        self.assertNothingLeft()

    def test_an_environment_without_a_sensible_proxy_any_more_times_out_all_the_same(self):
        connecting = self.connect("ws://example.com/", open_timeout=3)
        self.patch(proxy, "getproxies", lambda: {"ws": "ftp://h/"})
        self.reactor.advance(3)
        self.failureResultOf(connecting, OpeningTimeout)
