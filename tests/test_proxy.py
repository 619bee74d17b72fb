"""Proxies: which one the environment has, and connections through them."""

import os

from OpenSSL import SSL
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import (
    ConnectionDone,
    ConnectionRefusedError,
    DNSLookupError,
    NoProtocol,
)
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.test_lookup import Resolver
from txws2.exceptions import (
    InvalidProxy,
    InvalidProxyStatus,
    ProxyError,
    UnreachableThroughProxy,
)
from txws2.proxy import ProxyEndpoint, proxy_for
from txws2.wire.proxies import parse_proxy
from txws2.wire.uri import parse_uri


class EnvironmentTests(SynchronousTestCase):
    def proxy(self, uri, **environment):
        self.patch(os, "environ", environment)
        proxy = proxy_for(parse_uri(uri))
        return proxy and str(proxy)

    def test_the_first_of_these_is_taken(self):
        everything = {
            f"{name}_proxy": f"http://{name}:1"
            for name in ("wss", "ws", "socks", "https", "http", "all")
        }
        for uri, order in (
            ("ws://h/", ["ws", "socks", "https", "http", "all"]),
            ("wss://h/", ["wss", "socks", "https", "all"]),
        ):
            environment = dict(everything)
            for name in order:
                scheme = "socks5h" if name == "socks" else "http"
                self.assertEqual(self.proxy(uri, **environment), f"{scheme}://{name}:1")
                del environment[f"{name}_proxy"]
            self.assertIsNone(self.proxy(uri, **environment))

    def test_a_socks_proxy_may_say_of_which_kind_it_is(self):
        self.assertEqual(self.proxy("ws://h/", socks_proxy="socks4://p"), "socks4://p:1080")

    def test_those_in_no_proxy_are_reached_directly(self):
        for no_proxy, uri, direct in (
            ("example.com", "ws://example.com/", True),
            ("example.com", "ws://www.example.com:8000/", True),
            ("example.com:81", "ws://example.com:81/", True),
            ("example.com:81", "ws://example.com/", False),
            ("127.0.0.1", "ws://127.0.0.1:8000/", True),
            ("*", "wss://anything/", True),
            ("example.com", "ws://example.com./", True),
            ("other.example", "wss://example.com/", False),
        ):
            proxy = self.proxy(uri, all_proxy="http://p", no_proxy=no_proxy)
            self.assertEqual(proxy is None, direct, (no_proxy, uri))

    def test_what_is_none_is_told(self):
        self.assertRaises(InvalidProxy, self.proxy, "ws://h/", all_proxy="nonsense")


class Below:
    """The endpoint of the proxy: connects when it is told to."""

    def __init__(self, result=None):
        self.result = result

    def connect(self, factory):
        self.factory = factory
        if self.result is not None:
            return self.result
        self.transport = Transport(peerAddress=IPv4Address("TCP", "127.0.0.1", 3128))
        protocol = factory.buildProtocol(None)
        factory.doStart()
        protocol.makeConnection(self.transport)
        self.tunnel = self.transport.protocol = protocol
        return succeed(protocol)


class Transport(StringTransport):
    """One whose end is told within the call that makes it."""

    aborted = False

    def abortConnection(self):
        self.aborted = True
        self.protocol.connectionLost(Failure(ConnectionDone()))

    def take(self):
        data = self.value()
        self.clear()
        return data


class Wanted(Protocol):
    """What is to be connected."""

    def __init__(self):
        self.heard, self.lost = b"", []

    def connectionMade(self):
        self.transport.write(b"mine")

    def dataReceived(self, data):
        self.heard += data

    def connectionLost(self, reason):
        self.lost.append(reason.value)


ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class ProxyTestCase(SynchronousTestCase):
    def connect(self, url="http://p:3128", below=None, reactor=None, factory=None):
        self.below = below or Below()
        endpoint = ProxyEndpoint(reactor, parse_proxy(url), self.below, "example.com", 443)
        verifyObject(IStreamClientEndpoint, endpoint)
        self.wanted = factory or Factory.forProtocol(Wanted)
        self.wanted.noisy = False
        return endpoint.connect(self.wanted)

    def hear(self, data):
        self.below.tunnel.dataReceived(data)

    def assertProxyError(self, words, connecting, kind=ProxyError):
        error = self.failureResultOf(connecting).value
        self.assertIs(type(error), kind)
        self.assertIn(words, str(error))
        return error


class ProxyEndpointTests(ProxyTestCase):
    def test_the_protocol_gets_the_transport_when_the_tunnel_is_there(self):
        connecting = self.connect()
        transport = self.below.transport
        self.assertTrue(transport.take().startswith(b"CONNECT example.com:443 "))
        self.hear(ESTABLISHED[:9])
        self.assertNoResult(connecting)
        self.hear(ESTABLISHED[9:] + b"early")
        protocol = self.successResultOf(connecting)
        self.assertIs(protocol.transport, transport)
        self.hear(b", later")
        self.assertEqual((transport.take(), protocol.heard), (b"mine", b"early, later"))
        self.below.tunnel.connectionLost(Failure(ConnectionDone()))
        self.assertIsInstance(protocol.lost[0], ConnectionDone)

    def test_a_conversation_may_take_longer(self):
        connecting = self.connect("socks5h://me:secret@p")
        self.assertEqual(self.below.transport.take(), b"\x05\x02\x00\x02")
        self.hear(b"\x05\x02")
        self.assertEqual(self.below.transport.take(), b"\x01\x02me\x06secret")
        self.hear(b"\x01\x00")
        self.assertIn(b"example.com", self.below.transport.take())
        self.hear(b"\x05\x00\x00\x01\0\0\0\0\0\0")
        self.assertEqual(self.successResultOf(connecting).heard, b"")

    def test_the_factory_starts_and_stops(self):
        self.connect()
        self.assertEqual(self.wanted.numPorts, 1)
        self.below.factory.doStop()
        self.assertEqual(self.wanted.numPorts, 0)

    def test_a_refusal_hangs_up(self):
        connecting = self.connect()
        self.hear(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
        self.assertProxyError("HTTP 407 No", connecting, InvalidProxyStatus)
        self.assertTrue(self.below.transport.aborted)
        # What has come already is nobody's.
        self.hear(b"more")

    def test_an_end_is_told_with_its_cause(self):
        connecting = self.connect()
        self.below.tunnel.connectionLost(Failure(ConnectionDone()))
        error = self.assertProxyError("without an answer", connecting)
        self.assertIsInstance(error.__cause__, ConnectionDone)

    def test_tls_that_fails_is_told_as_that(self):
        connecting = self.connect("https://p")
        self.below.tunnel.connectionLost(Failure(SSL.Error([("", "", "bad certificate")])))
        words = "can't reach the proxy https://p:443: the TLS handshake failed: bad certificate"
        self.assertProxyError(words, connecting)

    def test_a_proxy_that_is_not_there_is_told(self):
        connecting = self.connect(below=Below(fail(ConnectionRefusedError())))
        words = "can't reach the proxy http://p:3128: Connection was refused"
        error = self.assertProxyError(words, connecting)
        self.assertIsInstance(error.__cause__, ConnectionRefusedError)

    def test_a_factory_may_make_no_protocol(self):
        factory = Factory()
        factory.buildProtocol = lambda address: None
        connecting = self.connect(factory=factory)
        self.hear(ESTABLISHED)
        self.failureResultOf(connecting, NoProtocol)
        self.assertTrue(self.below.transport.aborted)

    def test_it_can_be_cancelled_while_the_proxy_is_connected_to(self):
        cancelled = []
        connecting = self.connect(below=Below(Deferred(cancelled.append)))
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertEqual(len(cancelled), 1)

    def test_it_can_be_cancelled_while_the_proxy_is_asked(self):
        connecting = self.connect()
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertTrue(self.below.transport.aborted)

    def test_a_refusal_whose_end_does_not_come_is_told_nevertheless(self):
        connecting = self.connect()
        self.hear(b"HTTP/1.1 407 Who?\r\n\r\nwho are")
        self.assertNoResult(connecting)
        connecting.cancel()
        error = self.assertProxyError("HTTP 407 Who?", connecting, InvalidProxyStatus)
        self.assertEqual(error.response.body, b"who are")
        self.assertTrue(self.below.transport.aborted)

    def test_so_far_a_socks_proxy_has_not_refused(self):
        connecting = self.connect("socks5h://p")
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)


class LookupTests(ProxyTestCase):
    """socks5 and socks4 are for addresses, which we look up ourselves."""

    V4, V6 = IPv4Address("TCP", "1.2.3.4", 0), IPv6Address("TCP", "::1", 0)
    V4_TOO = IPv4Address("TCP", "5.6.7.8", 0)

    def test_the_first_address_is_what_is_asked_for(self):
        self.connect("socks5://p", reactor=Resolver(self.V6, self.V4))
        self.hear(b"\x05\x00")
        self.assertIn(b"\x04" + b"\0" * 15 + b"\x01\x01\xbb", self.below.transport.value())

    def asked_for(self, packed):
        self.assertIn(packed + b"\x01\xbb", self.below.transport.take())

    def test_each_address_is_asked_for_until_one_works(self):
        connecting = self.connect("socks5://p", reactor=Resolver(self.V6, self.V4, self.V4_TOO))
        for packed, refusal in (
            (b"\x04" + b"\0" * 15 + b"\x01", b"\x05\x08\x00\x01\x00"),
            (b"\x01\x01\x02\x03\x04", b"\x05\x05\x00\x01\x00"),
        ):
            self.hear(b"\x05\x00")
            self.asked_for(packed)
            self.hear(refusal)
            self.assertNoResult(connecting)
        self.hear(b"\x05\x00")
        self.asked_for(b"\x01\x05\x06\x07\x08")
        self.hear(b"\x05\x00\x00\x01\0\0\0\0\0\0")
        self.assertIsInstance(self.successResultOf(connecting), Wanted)

    def test_a_proxy_may_hang_up_for_an_address_that_it_cannot_reach(self):
        self.connect("socks5://p", reactor=Resolver(self.V6, self.V4))
        self.hear(b"\x05\x00")
        self.below.tunnel.connectionLost(Failure(ConnectionDone()))
        self.hear(b"\x05\x00")
        self.asked_for(b"\x01\x01\x02\x03\x04")

    def test_so_does_version_4_and_the_last_refusal_is_told(self):
        connecting = self.connect("socks4://p", reactor=Resolver(self.V4, self.V6, self.V4_TOO))
        for address in b"\1\2\3\4", b"\5\6\7\x08":
            self.assertNoResult(connecting)
            self.assertEqual(self.below.transport.take(), b"\x04\x01\x01\xbb" + address + b"\x00")
            self.hear(b"\0\x5b" + b"\0" * 6)
        self.assertProxyError("it refused, or failed", connecting, UnreachableThroughProxy)

    def test_a_proxy_that_lets_nobody_in_is_asked_once(self):
        connecting = self.connect("socks5://p", reactor=Resolver(self.V6, self.V4))
        self.hear(b"\x05\xff")
        self.assertProxyError("another way to log in", connecting)

    def test_a_proxy_that_cannot_be_reached_is_tried_once(self):
        resolver = Resolver(self.V4, self.V4_TOO)
        for url in ("socks4://p", "socks5://p"):
            below = Below(fail(ConnectionRefusedError()))
            connecting = self.connect(url, below=below, reactor=resolver)
            self.assertProxyError("can't reach the proxy", connecting)

    def test_version_4_is_for_ipv4(self):
        self.connect("socks4://p", reactor=Resolver(self.V6, self.V4))
        self.assertEqual(self.below.transport.value(), b"\x04\x01\x01\xbb\x01\x02\x03\x04\x00")

    def test_a_name_without_one_is_told_as_twisted_does(self):
        connecting = self.connect("socks4://p", reactor=Resolver(self.V6))
        error = self.failureResultOf(connecting, DNSLookupError).value
        self.assertIn("example.com", str(error))

    def test_looking_up_can_be_cancelled(self):
        resolver = Resolver(complete=False)
        connecting = self.connect("socks5://p", reactor=resolver)
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertTrue(resolver.cancelled)

    def test_an_address_needs_no_looking_up(self):
        below = Below()
        endpoint = ProxyEndpoint(None, parse_proxy("socks4://p"), below, "1.2.3.4", 443)
        endpoint.connect(Factory.forProtocol(Wanted)).addErrback(lambda _: None)
        self.assertEqual(below.transport.value(), b"\x04\x01\x01\xbb\x01\x02\x03\x04\x00")
