"""`connect`, stage by stage: name, TCP, TLS and handshake, each of which may never end."""

import os

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.internet.interfaces import (
    IHostnameResolver,
    IReactorPluggableNameResolver,
)
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.sides import RecordedClient, answer
from txws2.client.authentication import digest_auth
from txws2.client.connections import connect, unix_connect
from txws2.exceptions import (
    InvalidStatus,
    InvalidURI,
    OpeningTimeout,
    RedirectError,
)


@implementer(IReactorPluggableNameResolver)
class Reactor(MemoryReactorClock):
    """Has a resolver."""


@implementer(IHostnameResolver)
class Resolver:
    """A resolver that answers for a name when the test tells it to."""

    def resolveHostName(self, receiver, hostName, portNumber, addressTypes=None):
        self.receiver, self.name = receiver, hostName
        receiver.resolutionBegan(self)
        if isIPv6Address(hostName):
            receiver.addressResolved(IPv6Address("TCP", hostName, portNumber))
        elif isIPAddress(hostName):
            receiver.addressResolved(IPv4Address("TCP", hostName, portNumber))
        else:
            return receiver
        receiver.resolutionComplete()
        return receiver

    def cancel(self):
        raise NotImplementedError  # as Twisted's own does


class ConnectTestCase(SynchronousTestCase):
    def setUp(self):
        self.reactor = Reactor()
        self.reactor.nameResolver = self.resolver = Resolver()

    def connect(self, uri="ws://127.0.0.1:8000/", **options):
        options.setdefault("create_protocol", RecordedClient)
        return connect(uri, reactor=self.reactor, **options)

    def accept(self):
        """Let TCP connect; return the transport."""
        factory = self.reactor.tcpClients[-1][2]
        self.protocol = factory.buildProtocol(None)
        transport = Transport()
        transport.protocol = self.protocol
        self.protocol.makeConnection(transport)
        return transport

    def assertNothingLeft(self):
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class Transport(StringTransport):
    """Tells its protocol when it was closed."""

    def abortConnection(self):
        self.loseConnection()

    def loseConnection(self):
        if not self.disconnecting:
            super().loseConnection()
            self.protocol.connectionLost(Failure(ConnectionRefusedError()))


class OpenTests(ConnectTestCase):
    def test_the_deferred_brings_the_open_connection(self):
        connecting = self.connect()
        transport = self.accept()
        self.assertNoResult(connecting)
        self.protocol.dataReceived(answer(transport.value()))
        ws = self.successResultOf(connecting)
        self.assertEqual(ws.opened, 1)
        transport.loseConnection()
        self.assertNothingLeft()

    def test_host_and_port_are_those_of_the_uri(self):
        for uri, expected in (
            ("ws://127.0.0.1/", ("127.0.0.1", 80)),
            ("ws://127.0.0.1:81/", ("127.0.0.1", 81)),
            ("ws://[::1]:81/", ("::1", 81)),
        ):
            self.connect(uri).addErrback(lambda _: None)
            self.assertEqual(self.reactor.tcpClients[-1][:2], expected)

    def test_a_name_that_no_certificate_can_have_is_reported_as_such(self):
        for uri in ("wss://my_host.example/", "wss://-/", f"wss://{'x' * 64}/"):
            connecting = self.connect(uri)
            if connecting.called:
                self.failureResultOf(connecting, InvalidURI)
            connecting.addErrback(lambda _: None).cancel()

    def test_nothing_is_left_when_it_was_refused(self):
        connecting = self.connect()
        transport = self.accept()
        self.protocol.dataReceived(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")
        error = self.failureResultOf(connecting, InvalidStatus).value
        self.assertEqual(error.response.body, b"no")
        self.assertTrue(transport.disconnecting)
        self.assertNothingLeft()

    def test_twisted_s_own_errors_come_through(self):
        connecting = self.connect()
        factory = self.reactor.tcpClients[-1][2]
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))
        self.reactor.pump([0.4] * 3)
        refused = self.failureResultOf(connecting, ConnectionRefusedError).value
        self.assertIn("127.0.0.1:8000", str(refused))
        self.assertNothingLeft()

    def test_a_name_that_there_is_not_is_a_lookup_error(self):
        connecting = self.connect("ws://example.com/")
        self.assertEqual(self.resolver.name, "example.com")
        self.resolver.receiver.resolutionComplete()
        self.failureResultOf(connecting, DNSLookupError)
        self.assertNothingLeft()


def refusal(challenge):
    head = "HTTP/1.1 401 Who?\r\nWWW-Authenticate: {}\r\nContent-Length: 0\r\n\r\n"
    return head.format(challenge).encode()


DIGEST = 'Digest realm="x", nonce="{}", qop="auth", algorithm=SHA-256'


class AuthenticationTests(ConnectTestCase):
    """A 401 is answered as long as the hook has an answer, on a new connection each time."""

    def connect(self, uri="ws://me:secret@127.0.0.1:8000/chat?a=b", **options):
        self.connecting = super().connect(uri, **options)

    def ask(self, response=None):
        """Let TCP connect and the server answer; return the Authorization of the request."""
        request = self.accept().value()
        self.protocol.dataReceived(response or answer(request))
        found = [line for line in request.split(b"\r\n") if line.startswith(b"Authorization: ")]
        self.assertLessEqual(len(found), 1)
        return found[0].decode().removeprefix("Authorization: ") if found else None

    def test_digest_follows_basic(self):
        self.connect()
        self.assertEqual(self.ask(refusal(DIGEST.format("abc"))), "Basic bWU6c2VjcmV0")
        self.assertNoResult(self.connecting)
        digest = self.ask()
        self.assertTrue(digest.startswith('Digest username="me", realm="x", nonce="abc"'))
        self.assertIn('uri="/chat?a=b"', digest)
        self.successResultOf(self.connecting).transport.loseConnection()
        self.assertNothingLeft()

    def test_a_wrong_password_is_reported(self):
        self.connect()
        self.ask(refusal(DIGEST.format("a")))
        self.ask(refusal(DIGEST.format("b")))
        self.failureResultOf(self.connecting, InvalidStatus)
        self.assertEqual(len(self.reactor.tcpClients), 2)
        self.assertNothingLeft()

    def test_digest_auth_never_sends_basic(self):
        self.connect("ws://127.0.0.1:8000/", authentication=digest_auth("me", "secret"))
        self.assertIsNone(self.ask(refusal(DIGEST.format("a"))))
        self.assertIn('nonce="a"', self.ask())
        self.successResultOf(self.connecting)

    def test_an_answer_stands_for_what_the_headers_have(self):
        self.connect(
            "ws://127.0.0.1:8000/",
            additional_headers={"Authorization": "Bearer old"},
            authentication=lambda demand: "Bearer new",
        )
        self.assertEqual(self.ask(refusal("Bearer")), "Bearer old")
        self.assertEqual(self.ask(), "Bearer new")
        self.successResultOf(self.connecting)

    def test_credentials_of_either_kind_stay_with_their_origin(self):
        """Attack 20."""
        for uri, options in (
            ("ws://me:secret@127.0.0.1:8000/", {}),
            ("ws://127.0.0.1:8000/", {"authentication": digest_auth("me", "secret")}),
        ):
            self.connect(uri, **options)
            away = b"HTTP/1.1 302 x\r\nLocation: ws://127.0.0.1:8001/\r\nContent-Length: 0\r\n\r\n"
            self.ask(away)
            self.assertIsNone(self.ask(refusal(DIGEST.format("a"))))
            self.failureResultOf(self.connecting, InvalidStatus)

    def test_within_an_origin_they_go_along(self):
        self.connect(authentication=digest_auth("you", "secret"))
        near = b"HTTP/1.1 302 x\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"
        self.ask(refusal(DIGEST.format("a")))
        self.assertIn('uri="/chat?a=b"', self.ask(near))
        self.assertEqual(self.ask(refusal(DIGEST.format("b"))), "Basic bWU6c2VjcmV0")
        self.assertIn('username="you", realm="x", nonce="b", uri="/there"', self.ask())
        self.successResultOf(self.connecting)

    def test_a_hook_that_never_ends_is_ended_by_open_timeout(self):
        cancelled = []
        self.connect(authentication=lambda demand: Deferred(cancelled.append))
        self.ask(refusal("X"))
        self.reactor.advance(10)
        self.failureResultOf(self.connecting, OpeningTimeout)
        self.assertEqual(len(cancelled), 1)
        self.assertNothingLeft()

    def test_rounds_have_an_end(self):
        self.connect(authentication=lambda demand: f"X {demand.round}")
        for expected in ("Basic bWU6c2VjcmV0", "X 1", "X 2", "X 3", "X 4", "X 5"):
            self.assertEqual(self.ask(refusal("X")), expected)
        self.failureResultOf(self.connecting, InvalidStatus)

    def test_a_hook_must_be_one(self):
        for name in ("authentication", "proxy_authentication"):
            self.assertRaises(TypeError, self.connect, **{name: ("me", "secret")})


class RedirectTests(ConnectTestCase):
    """Attack 20."""

    def connect(self, uri="ws://127.0.0.1:8000/chat", **options):
        self.connecting = super().connect(uri, **options)

    def ask(self):
        """Take the next request; return its lines."""
        self.transport = self.accept()
        return self.transport.value().decode().split("\r\n")

    def send_to(self, location, status=302):
        head = f"HTTP/1.1 {status} Elsewhere\r\nContent-Length: 0\r\nLocation: {location}\r\n\r\n"
        self.protocol.dataReceived(head.encode())

    def assertGivesUp(self, words, *chain):
        error = self.failureResultOf(self.connecting, RedirectError).value
        self.assertEqual(str(error), f"{words}: {' -> '.join(chain)}")
        self.assertEqual(error.chain, chain)
        self.assertNothingLeft()
        return error

    def test_it_asks_where_it_is_sent(self):
        for status in (301, 302, 303, 307, 308):
            self.connect()
            self.assertEqual(self.ask()[0], "GET /chat HTTP/1.1")
            self.send_to("/elsewhere?x=1", status)
            self.assertEqual(self.reactor.tcpClients[-1][:2], ("127.0.0.1", 8000))
            self.assertEqual(self.ask()[0], "GET /elsewhere?x=1 HTTP/1.1")
            self.protocol.dataReceived(answer(self.transport.value()))
            ws = self.successResultOf(self.connecting)
            self.transport.loseConnection()
            self.assertEqual(ws.request.path, "/elsewhere?x=1")
            self.assertNothingLeft()

    def test_credentials_stay_with_their_origin(self):
        headers = {"Authorization": "Bearer x", "Cookie": "a=b", "X-One": "1"}
        for location, kept in (
            ("/other", True),
            ("ws://127.0.0.1:8001/", False),
            ("http://127.0.0.2:8000/", False),
        ):
            for uri, sent in (
                ("ws://127.0.0.1:8000/", headers),
                ("ws://me:secret@127.0.0.1:8000/", {"X-One": "1"}),
            ):
                self.connect(uri, additional_headers=sent)
                self.assertIn("Authorization: ", "\n".join(self.ask()))
                self.send_to(location)
                lines = "\n".join(self.ask())
                self.assertEqual("Authorization: " in lines, kept, (uri, location))
                self.assertEqual("Cookie: " in lines, kept and sent is headers)
                self.assertIn("X-One: 1", lines)
                self.connecting.addErrback(lambda _: None).cancel()

    def test_credentials_that_were_dropped_do_not_come_back(self):
        self.connect(additional_headers={"Authorization": "Bearer x"})
        self.ask()
        self.send_to("ws://127.0.0.2/")
        self.ask()
        self.send_to("ws://127.0.0.1:8000/chat")
        self.assertNotIn("Authorization", "".join(self.ask()))
        self.connecting.addErrback(lambda _: None).cancel()

    def test_it_goes_round_ten_times_at_most(self):
        self.connect()
        uri = "ws://127.0.0.1:8000/chat"
        for _ in range(11):
            self.assertNoResult(self.connecting)
            self.ask()
            self.send_to(uri)
        self.assertGivesUp("redirected more than 10 times", *[uri] * 12)

    def test_a_given_endpoint_is_for_one_origin_only(self):
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", 1)
        self.connect(endpoint=endpoint)
        self.ask()
        self.send_to("/here")
        self.ask()
        self.send_to("ws://127.0.0.1:8001/")
        self.assertGivesUp(
            "redirected to another origin, which the given endpoint can't reach",
            "ws://127.0.0.1:8000/chat",
            "ws://127.0.0.1:8000/here",
            "ws://127.0.0.1:8001/",
        )

    def test_an_unknown_host_is_reported(self):
        self.connect()
        self.ask()
        self.send_to(f"ws://{'x' * 64}/")
        error = self.failureResultOf(self.connecting, RedirectError).value
        self.assertIn("a host that can't be looked up", str(error))

    def test_without_a_location_it_is_a_refusal(self):
        self.connect()
        self.ask()
        self.protocol.dataReceived(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")
        self.failureResultOf(self.connecting, InvalidStatus)
        self.assertNothingLeft()

    def test_the_time_is_one_over_all_of_them(self):
        self.connect()
        self.reactor.advance(6)
        self.ask()
        self.send_to("/other")
        self.ask()
        self.reactor.advance(4)
        self.failureResultOf(self.connecting, OpeningTimeout)
        self.assertNothingLeft()


class UnixTests(ConnectTestCase):
    def test_it_connects_to_the_path_and_asks_for_the_uri(self):
        for options, host in (({}, "localhost"), ({"uri": "ws://chat.example/"}, "chat.example")):
            connecting = unix_connect(
                "/run/x.sock", reactor=self.reactor, create_protocol=RecordedClient, **options
            )
            path, factory, *_ = self.reactor.unixClients[-1]
            self.assertEqual(path, "/run/x.sock")
            protocol = factory.buildProtocol(None)
            transport = StringTransport()
            protocol.makeConnection(transport)
            self.assertIn(f"\r\nHost: {host}\r\n", transport.value().decode())
            protocol.dataReceived(answer(transport.value()))
            self.successResultOf(connecting)

    def test_no_proxy_is_used_even_if_the_environment_has_one(self):
        self.patch(os, "environ", {"ws_proxy": "http://proxy.example:3128"})
        for options in ({}, {"proxy": True}, {"proxy": None}):
            unix_connect("/run/x.sock", "ws://chat.example/", reactor=self.reactor, **options)
        self.assertEqual(len(self.reactor.unixClients), 3)
        self.assertEqual(self.reactor.tcpClients, [])

    def test_the_url_of_a_proxy_fails_it_with_an_error_that_names_the_socket(self):
        connecting = unix_connect("/run/x.sock", reactor=self.reactor, proxy="http://127.0.0.1/")
        failure = self.failureResultOf(connecting, ValueError)
        self.assertIn("isn't used with endpoint= or a Unix socket", str(failure.value))

    def test_without_a_reactor_it_is_the_global_one(self):
        connecting = unix_connect("/nowhere/at/all")
        connecting.addErrback(lambda _: None).cancel()


class StageTests(ConnectTestCase):
    """At each stage it may be cancelled, time out, or be given a timeout by its caller."""

    def resolving(self, **options):
        return self.connect("ws://example.com/", **options)

    def connecting(self, **options):
        return self.connect(**options)

    def accepted(self, **options):
        connecting = self.connect(**options)
        self.transport = self.accept()
        return connecting

    def answered_in_part(self, **options):
        connecting = self.accepted(**options)
        self.protocol.dataReceived(b"HTTP/1.1 101 Switch")
        return connecting

    def refused_in_part(self, **options):
        connecting = self.accepted(**options)
        self.protocol.dataReceived(b"HTTP/1.1 500 Oops\r\n\r\nbody")
        return connecting

    @property
    def stages(self):
        return (
            self.resolving,
            self.connecting,
            self.accepted,
            self.answered_in_part,
        )

    def each_stage(self, **options):
        for stage in self.stages:
            self.setUp()
            self.transport = None
            yield stage(**options)
            if self.transport is not None:
                self.assertTrue(self.transport.disconnecting, stage)
                self.assertEqual(len(self.protocol_of_ours().lost), 1)
            for connector in self.reactor.connectors:
                self.assertTrue(connector.stoppedConnecting or self.transport)
            self.assertNothingLeft()

    def protocol_of_ours(self):
        return self.protocol._wrappedProtocol

    def test_a_timeout_is_reported_as_a_timeout_and_leaves_nothing(self):
        for connecting in self.each_stage():
            self.reactor.advance(9.9)
            self.assertNoResult(connecting)
            self.reactor.advance(0.1)
            timeout = self.failureResultOf(connecting, OpeningTimeout).value
            self.assertEqual(str(timeout), "timed out during opening handshake")

    def test_a_timeout_says_what_it_was_waiting_for(self):
        stages = [
            "a connection to example.com",
            "a connection to 127.0.0.1:8000",
            "the server's answer",
            "the server's answer",
        ]
        for connecting, stage in zip(self.each_stage(), stages, strict=True):
            self.reactor.advance(10)
            timeout = self.failureResultOf(connecting, OpeningTimeout).value
            self.assertEqual(timeout.stage, stage)
            self.assertEqual(timeout.__notes__, [f"It was waiting for {stage}."])

    def test_a_refusal_whose_end_does_not_come_is_reported_as_a_refusal(self):
        connecting = self.refused_in_part()
        self.reactor.advance(10)
        refused = self.failureResultOf(connecting, InvalidStatus).value
        self.assertEqual((refused.response.status_code, refused.response.body), (500, b"body"))
        self.assertNothingLeft()

    def test_a_refusal_without_end_is_reported_although_the_transport_closes_late(self):
        connecting = self.refused_in_part()
        self.transport.abortConnection = lambda: None
        self.reactor.advance(10)
        self.failureResultOf(connecting, InvalidStatus)
        self.protocol.connectionLost(Failure(ConnectionRefusedError()))
        self.assertNothingLeft()

    def test_cancelling_leaves_nothing(self):
        for connecting in self.each_stage():
            connecting.cancel()
            self.failureResultOf(connecting, CancelledError)

    def test_a_caller_s_timeout_is_a_timeout(self):
        for connecting in self.each_stage():
            connecting.addTimeout(5, self.reactor)
            self.reactor.advance(5)
            self.failureResultOf(connecting, TimeoutError)

    def test_without_a_timeout_it_may_take_for_ever(self):
        for stage in self.stages:
            self.setUp()
            connecting = stage(open_timeout=None)
            self.reactor.advance(1000)
            self.assertNoResult(connecting)
            connecting.addErrback(lambda _: None).cancel()

    def test_the_time_is_one_over_all_stages(self):
        connecting = self.connect()
        self.reactor.advance(6)
        self.accept()
        self.reactor.advance(4)
        self.failureResultOf(connecting, OpeningTimeout)
        self.assertIsInstance(self.protocol_of_ours().lost[0], OpeningTimeout)
        self.assertNothingLeft()
