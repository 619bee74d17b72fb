"""The proxies of the environment, and connections through a proxy."""

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
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import txws2.client.proxy_endpoint
from tests.transport.test_dns import Resolver
from txws2.client.proxy_endpoint import ProxyEndpoint, proxy_for
from txws2.exceptions import (
    InvalidProxy,
    InvalidProxyStatus,
    ProxyError,
    UnreachableThroughProxy,
)
from txws2.wire.http.uris import parse_uri
from txws2.wire.proxy.urls import parse_proxy


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
            ("10.0.0.1", "ws://10.0.0.1:8000/", True),
            ("*", "wss://anything/", True),
            ("example.com", "ws://example.com./", True),
            ("other.example", "wss://example.com/", False),
        ):
            proxy = self.proxy(uri, all_proxy="http://p", no_proxy=no_proxy)
            self.assertEqual(proxy is None, direct, (no_proxy, uri))

    def test_a_variable_set_later_counts_at_the_next_look(self):
        # The environment itself, whose names are looked at without decoding them.
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            self.addCleanup(os.environ.__setitem__, name, os.environ.pop(name))
        uri = parse_uri("ws://h/")
        self.assertIsNone(proxy_for(uri))
        for name in "ws_proxy", "WS_PROXY", "Ws_Proxy", "all_proxy":
            os.environ[name] = "http://p:1"
            self.addCleanup(os.environ.pop, name, None)
            self.assertEqual(str(proxy_for(uri)), "http://p:1")
            del os.environ[name]
            self.assertIsNone(proxy_for(uri))

    def test_lower_case_is_first(self):
        self.assertIsNone(self.proxy("ws://h/", ALL_PROXY="http://p", NO_PROXY="h"))
        proxy = self.proxy("ws://h/", all_proxy="http://p", NO_PROXY="h", no_proxy="x")
        self.assertEqual(proxy, "http://p:80")
        self.assertIsNone(self.proxy("ws://h/", all_proxy="http://p", NO_PROXY="x", no_proxy="h"))
        self.assertEqual(self.proxy("ws://h/", ALL_PROXY="p:1", all_proxy="q:1"), "http://q:1")

    def test_networks_and_ports_in_no_proxy_are_understood(self):
        no_proxy = "10.0.0.0/8, fd00::/8 *.internal,[::5]:81"
        for uri, direct in (
            ("wss://10.1.2.3/", True),
            ("wss://11.1.2.3/", False),
            ("ws://[fd00::7]:8000/", True),
            ("ws://chat.internal/", True),
            ("ws://[::5]:81/", True),
            ("ws://[::5]:82/", False),
        ):
            proxy = self.proxy(uri, all_proxy="http://p", no_proxy=no_proxy)
            self.assertEqual(proxy is None, direct, uri)

    def test_a_proxy_need_not_have_a_scheme_and_may_have_blanks_around_it(self):
        self.assertEqual(self.proxy("ws://h/", http_proxy=" p:3128\r"), "http://p:3128")
        self.assertEqual(self.proxy("wss://h/", https_proxy="p:3128"), "http://p:3128")
        self.assertEqual(self.proxy("wss://h/", socks_proxy="p:1080"), "socks5h://p:1080")
        self.assertEqual(self.proxy("wss://h/", socks_proxy="p"), "socks5h://p:1080")
        self.assertEqual(self.proxy("wss://h/", all_proxy="socks://p"), "socks5h://p:1080")
        self.assertIsNone(self.proxy("ws://h/", http_proxy=" "))

    def test_another_machine_s_proxy_is_not_for_this_machine(self):
        for uri in ("ws://localhost:8000/", "ws://127.0.0.1/", "wss://[::1]/", "ws://a.localhost/"):
            self.assertIsNone(self.proxy(uri, all_proxy="http://p"))
            for near in ("http://localhost:1", "http://127.0.0.1:1"):
                self.assertEqual(self.proxy(uri, all_proxy=near), near)

    def test_a_system_s_settings_decide_where_the_environment_has_none(self):
        asked = []
        self.patch(txws2.client.proxy_endpoint, "getproxies", lambda: {"socks": "http://p:1"})
        self.patch(
            txws2.client.proxy_endpoint,
            "proxy_bypass",
            lambda host: asked.append(host) or len(asked) > 1,
        )
        self.assertEqual(self.proxy("ws://h/"), "socks5h://p:1")
        self.assertIsNone(self.proxy("ws://[::5]/"))
        self.assertEqual(asked, ["h:80", "[::5]:80"])

    def test_without_proxies_nobody_asks_for_the_exceptions_from_them(self):
        asked = []
        self.patch(txws2.client.proxy_endpoint, "proxy_bypass", asked.append)
        self.assertIsNone(self.proxy("ws://h/", HOME="/"))
        self.assertEqual(asked, [])

    def test_a_wrong_proxy_is_reported_with_the_name_of_its_variable(self):
        for uri, name in (("ws://h/", "http_proxy"), ("wss://h/", "all_proxy")):
            environment = {"all_proxy": "me:pa55word@nonsense", "http_proxy": "nonsense"}
            error = self.assertRaises(InvalidProxy, self.proxy, uri, **environment)
            [note] = error.__notes__
            self.assertEqual(note, f"The environment, or the system, has it as {name}.")
            self.assertNotIn("pa55" + "word", Failure(error).getTraceback())


class Below:
    """The endpoint of the proxy: connects when the test tells it to."""

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
    """A transport whose connectionLost is called within abortConnection."""

    aborted = False

    def abortConnection(self):
        self.aborted = True
        self.protocol.connectionLost(Failure(ConnectionDone()))

    def take(self):
        data = self.value()
        self.clear()
        return data


class Wanted(Protocol):
    """The protocol that is connected through the tunnel."""

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
        endpoint = ProxyEndpoint(
            reactor or Clock(), parse_proxy(url), self.below, "example.com", 443
        )
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
        # Bytes that have already come go to no protocol.
        self.hear(b"more")

    def test_an_end_is_reported_with_its_cause(self):
        connecting = self.connect()
        self.below.tunnel.connectionLost(Failure(ConnectionDone()))
        error = self.assertProxyError("without an answer", connecting)
        self.assertIsInstance(error.__cause__, ConnectionDone)

    def test_a_failure_of_tls_is_reported_as_such(self):
        connecting = self.connect("https://p")
        self.below.tunnel.connectionLost(Failure(SSL.Error([("", "", "bad certificate")])))
        words = "can't reach the proxy https://p:443: the TLS handshake failed: bad certificate"
        self.assertProxyError(words, connecting)

    def test_a_missing_proxy_is_reported(self):
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

    def test_a_refusal_whose_end_does_not_come_is_reported_nevertheless(self):
        clock = Clock()
        connecting = self.connect(reactor=clock)
        self.hear(b"HTTP/1.1 407 Who?\r\n\r\nwho are")
        self.assertNoResult(connecting)
        connecting.cancel()
        error = self.assertProxyError("HTTP 407 Who?", connecting, InvalidProxyStatus)
        self.assertEqual(error.response.body, b"who are")
        self.assertTrue(self.below.transport.aborted)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_a_refusal_that_never_ends_is_reported_a_second_after_its_head(self):
        clock = Clock()
        connecting = self.connect(reactor=clock)
        self.hear(b"HTTP/1.1 407 Who?\r\n\r\nwho")
        clock.advance(0.5)
        self.hear(b" are")
        self.assertNoResult(connecting)
        clock.advance(0.5)
        error = self.assertProxyError("HTTP 407 Who?", connecting, InvalidProxyStatus)
        self.assertEqual(error.response.body, b"who are")
        self.assertTrue(self.below.transport.aborted)

    def test_a_refusal_whose_end_comes_leaves_no_timer(self):
        clock = Clock()
        connecting = self.connect(reactor=clock)
        self.hear(b"HTTP/1.1 407 Who?\r\nContent-Length: 4\r\n\r\nwh")
        self.hear(b"o?")
        self.assertProxyError("HTTP 407 Who?", connecting, InvalidProxyStatus)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_interim_answers_before_the_tunnel_are_skipped(self):
        connecting = self.connect()
        self.hear(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
        self.assertNoResult(connecting)
        self.hear(ESTABLISHED + b"hello")
        self.assertEqual(self.successResultOf(connecting).heard, b"hello")

    def test_a_socks_proxy_that_still_negotiates_has_not_refused(self):
        connecting = self.connect("socks5h://p")
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)


def refuse(challenge, body=b"no", more=b""):
    head = b"HTTP/1.1 407 No\r\nProxy-Authenticate: %b\r\n%bContent-Length: %d\r\n\r\n"
    return head % (challenge, more, len(body)) + body


CLOSE = b"Connection: close\r\n"
DIGEST = b'Digest realm="x", nonce="%b", qop="auth", algorithm=SHA-256'


class AuthenticationTests(ProxyTestCase):
    """Each 407 is answered as long as the hook has an answer."""

    def connect(self, url="http://me:secret@p:3128", hook=None):
        self.below = Below()
        self.clock = Clock()
        endpoint = ProxyEndpoint(
            self.clock, parse_proxy(url), self.below, "example.com", 443, authenticate=hook
        )
        factory = Factory.forProtocol(Wanted)
        factory.noisy = False
        connecting = endpoint.connect(factory)
        self.first = self.below.transport
        return connecting

    def authorization(self):
        """Return the last request to the proxy."""
        request = self.below.transport.take()
        self.assertTrue(request.startswith(b"CONNECT example.com:443 HTTP/1.1\r\n"), request)
        [line] = [line for line in request.split(b"\r\n") if line.startswith(b"Proxy-Auth")]
        return line.partition(b": ")[2]

    def test_digest_follows_basic_on_the_same_connection(self):
        connecting = self.connect()
        self.assertEqual(self.authorization(), b"Basic bWU6c2VjcmV0")
        answer = refuse(DIGEST % b"abc")
        for byte in answer[:-1]:
            self.hear(bytes([byte]))
        self.assertEqual(self.below.transport.value(), b"")
        self.hear(answer[-1:])
        self.assertIs(self.below.transport, self.first)
        digest = self.authorization()
        self.assertTrue(digest.startswith(b'Digest username="me", realm="x", nonce="abc"'))
        self.assertIn(b'uri="example.com:443"', digest)
        self.hear(ESTABLISHED + b"early")
        self.assertEqual(self.successResultOf(connecting).heard, b"early")

    def test_it_goes_on_a_new_connection_if_the_proxy_ends_the_first(self):
        connecting = self.connect()
        self.hear(refuse(DIGEST % b"abc", more=CLOSE))
        self.assertTrue(self.first.aborted)
        self.assertIsNot(self.below.transport, self.first)
        self.assertIn(b'nonce="abc"', self.authorization())
        self.hear(ESTABLISHED)
        self.successResultOf(connecting)

    def test_a_proxy_need_not_say_that_it_ends_it(self):
        """The client notices the end, before or after the next request has left."""
        connecting = self.connect()
        self.hear(refuse(DIGEST % b"abc"))
        self.below.tunnel.connectionLost(Failure(ConnectionDone()))
        self.assertIsNot(self.below.transport, self.first)
        self.assertIn(b'nonce="abc"', self.authorization())
        self.hear(ESTABLISHED)
        self.successResultOf(connecting)

    def test_a_body_without_a_length_ends_with_the_connection(self):
        connecting = self.connect()
        self.hear(b"HTTP/1.0 407 No\r\nProxy-Authenticate: " + DIGEST % b"abc" + b"\r\n\r\nno")
        self.below.tunnel.connectionLost(Failure(ConnectionDone()))
        self.assertIn(b'nonce="abc"', self.authorization())
        self.hear(ESTABLISHED)
        self.successResultOf(connecting)

    def test_a_body_that_never_ends_is_waited_for_a_second(self):
        connecting = self.connect()
        self.hear(b"HTTP/1.1 407 No\r\nProxy-Authenticate: " + DIGEST % b"abc" + b"\r\n\r\nno")
        self.clock.advance(1)
        self.assertTrue(self.first.aborted)
        self.assertIn(b'nonce="abc"', self.authorization())
        self.hear(ESTABLISHED)
        self.successResultOf(connecting)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_end_of_a_new_connection_is_reported(self):
        connecting = self.connect()
        self.hear(refuse(DIGEST % b"abc"))
        self.below.tunnel.connectionLost(Failure(ConnectionDone()))
        self.below.tunnel.connectionLost(Failure(ConnectionDone()))
        self.assertProxyError("without an answer", connecting)

    def test_an_end_within_the_next_answer_is_reported(self):
        connecting = self.connect()
        self.hear(refuse(DIGEST % b"abc"))
        self.hear(b"HTTP/1.1 200")
        self.below.tunnel.connectionLost(Failure(ConnectionDone()))
        self.assertProxyError("without an answer", connecting)

    def test_a_wrong_password_is_reported_after_one_answer(self):
        connecting = self.connect()
        self.hear(refuse(DIGEST % b"a"))
        self.assertNoResult(connecting)
        self.hear(refuse(DIGEST % b"b", b"wrong"))
        error = self.assertProxyError("HTTP 407 No", connecting, InvalidProxyStatus)
        self.assertEqual(error.response.body, b"wrong")
        self.assertTrue(self.first.aborted)

    def test_a_stale_nonce_is_answered_once_more(self):
        connecting = self.connect()
        self.hear(refuse(DIGEST % b"a"))
        self.hear(refuse(DIGEST % b"b" + b", stale=true"))
        self.below.transport.clear()
        self.assertNoResult(connecting)
        self.hear(refuse(DIGEST % b"c" + b", stale=true"))
        self.assertProxyError("HTTP 407 No", connecting, InvalidProxyStatus)

    def test_three_legs_share_one_connection(self):
        """NTLM and Negotiate need this."""

        def hook(demand):
            demands.append(demand)
            return f"Legs {len(demands)}:{demand.offers('legs').token}"

        demands = []
        connecting = self.connect("http://p:3128", hook)
        self.assertNotIn(b"Authorization", self.first.take())
        for offer, answer in ((b"Legs", b"Legs 1:None"), (b"Legs abc=", b"Legs 2:abc=")):
            self.hear(refuse(offer))
            self.assertEqual(self.authorization(), answer)
        self.hear(ESTABLISHED)
        self.successResultOf(connecting)
        self.assertIs(self.below.transport, self.first)
        self.assertEqual([demand.round for demand in demands], [1, 2])
        self.assertEqual((demands[0].host, demands[0].port), ("p", 3128))
        self.assertEqual((demands[0].method, demands[0].target), ("CONNECT", "example.com:443"))

    def test_a_hook_may_take_its_time_and_the_proxy_lose_patience(self):
        waiting = Deferred()
        connecting = self.connect("http://p", lambda demand: waiting)
        self.hear(refuse(b"X"))
        self.below.tunnel.connectionLost(Failure(ConnectionDone()))
        self.assertIs(self.below.transport, self.first)
        waiting.callback("X y")
        self.assertIsNot(self.below.transport, self.first)
        self.assertEqual(self.authorization(), b"X y")
        self.hear(ESTABLISHED)
        self.successResultOf(connecting)

    def test_bytes_of_a_proxy_meanwhile_end_the_connection(self):
        waiting = Deferred()
        connecting = self.connect("http://p", lambda demand: waiting)
        self.hear(refuse(b"X"))
        self.hear(ESTABLISHED)
        self.assertTrue(self.first.aborted)
        waiting.callback("X y")
        self.assertIsNot(self.below.transport, self.first)
        self.hear(ESTABLISHED)
        self.successResultOf(connecting)

    def test_an_exception_of_a_hook_fails_it_and_hangs_up(self):
        connecting = self.connect("http://p", lambda demand: 1 / 0)
        self.hear(refuse(b"X"))
        self.failureResultOf(connecting, ZeroDivisionError)
        self.assertTrue(self.first.aborted)

    def test_it_can_be_cancelled_while_a_hook_is_asked(self):
        cancelled = []
        connecting = self.connect("http://p", lambda demand: Deferred(cancelled.append))
        self.hear(refuse(b"X"))
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertEqual(len(cancelled), 1)
        self.assertTrue(self.first.aborted)

    def test_a_refusal_is_not_answered_any_more_when_it_was_cancelled(self):
        connecting = self.connect()
        self.hear(refuse(DIGEST % b"abc")[:-1])
        connecting.cancel()
        error = self.assertProxyError("HTTP 407 No", connecting, InvalidProxyStatus)
        self.assertEqual(error.response.body, b"n")
        self.assertIs(self.below.transport, self.first)
        self.assertTrue(self.first.aborted)

    def test_it_can_be_cancelled_in_the_next_round(self):
        connecting = self.connect()
        self.hear(refuse(DIGEST % b"abc"))
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertIs(self.below.transport, self.first)
        self.assertTrue(self.first.aborted)

    def test_the_end_of_a_refusal_may_come_while_a_hook_takes_its_time(self):
        waiting = Deferred()
        connecting = self.connect("http://p", lambda demand: waiting)
        head = b"HTTP/1.1 407 No\r\nProxy-Authenticate: X\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.hear(head + b"0\r\n")
        self.hear(b"\r\n")
        self.below.transport.clear()
        waiting.callback("X y")
        self.assertIs(self.below.transport, self.first)
        self.assertEqual(self.authorization(), b"X y")
        self.hear(ESTABLISHED)
        self.successResultOf(connecting)

    def test_another_refusal_is_not_answered(self):
        connecting = self.connect(hook=lambda demand: self.fail("asked"))
        self.hear(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        self.assertProxyError("HTTP 403 No", connecting, InvalidProxyStatus)
        self.assertTrue(self.first.aborted)


class LookupTests(ProxyTestCase):
    """socks5 and socks4 are for addresses, which the client looks up itself."""

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

    def test_a_socks4_proxy_may_hang_up_too_and_the_last_refusal_is_reported(self):
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

    def test_a_name_without_an_address_is_reported_as_by_twisted(self):
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
