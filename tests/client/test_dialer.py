"""Each option of a dialer changes the endpoint; some options exclude each other."""

import os

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.client.test_connections import Reactor, Resolver
from tests.support.certificates import certify
from txws2.client.dialer import Dialer, take_dialer
from txws2.client.happy_eyeballs import HostEndpoint
from txws2.client.insecure import InsecureTLS
from txws2.client.protocol import WebSocketClientFactory
from txws2.client.proxy_endpoint import ProxyEndpoint
from txws2.exceptions import InvalidProxy, InvalidURI, ProxyError
from txws2.wire.http.uris import parse_uri


class DialerTests(SynchronousTestCase):
    def setUp(self):
        self.reactor = Reactor()
        self.reactor.nameResolver = Resolver()

    def factory(self, uri="ws://127.0.0.1/"):
        return WebSocketClientFactory(uri, reactor=self.reactor)

    def endpoint(self, uri="ws://127.0.0.1/", **options):
        self.made = self.factory(uri)
        return Dialer(**options).endpoint_for(self.made)

    def reached(self, uri="ws://127.0.0.1/", **options):
        """Return the host and the port of the first connection."""
        endpoint = self.endpoint(uri, **options)
        endpoint.connect(self.made).addErrback(lambda _: None)
        return self.reactor.tcpClients[-1][:2]

    def test_by_default_it_is_the_host_of_the_uri(self):
        self.assertIsInstance(self.endpoint(), HostEndpoint)
        self.assertEqual(self.reached("ws://127.0.0.1:81/"), ("127.0.0.1", 81))
        self.assertEqual(self.reached("wss://127.0.0.1/"), ("127.0.0.1", 443))

    def test_an_endpoint_stands_for_it(self):
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.2", 82)
        self.assertIs(self.endpoint(endpoint=endpoint), endpoint)
        reached = self.reached("wss://my_host.example/", endpoint=endpoint, tls=certify_options())
        self.assertEqual(reached, ("127.0.0.2", 82))

    def test_a_proxy_stands_before_it(self):
        for url, port in (
            ("http://127.0.0.3", 80),
            ("https://127.0.0.3", 443),
            ("socks5://127.0.0.3", 1080),
        ):
            self.assertIsInstance(self.endpoint(proxy=url), ProxyEndpoint)
            self.assertEqual(self.reached(proxy=url), ("127.0.0.3", port))
            self.assertEqual(self.reached("wss://127.0.0.1/", proxy=url), ("127.0.0.3", port))

    def test_a_zone_is_for_this_machine_and_not_for_a_proxy(self):
        """RFC 6874 section 3."""
        self.assertEqual(self.reached("ws://[fe80::1%25eth0]/"), ("fe80::1%eth0", 80))
        self.reached("ws://[fe80::1%25eth0]/", proxy="http://127.0.0.3")
        transport = StringTransport()
        self.reactor.tcpClients[-1][2].buildProtocol(None).makeConnection(transport)
        self.assertTrue(transport.value().startswith(b"CONNECT [fe80::1]:80 "))

    def test_the_limits_of_heads_are_those_for_a_proxy_s_answer_too(self):
        answer = b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9000 + b"\r\n\r\n"
        for options, fails in (({}, True), ({"max_line_size": 2**14}, False)):
            factory = WebSocketClientFactory("ws://a/", reactor=self.reactor, **options)
            connecting = Dialer(proxy="http://127.0.0.3").endpoint_for(factory).connect(factory)
            below = self.reactor.tcpClients[-1][2].buildProtocol(None)
            below.makeConnection(StringTransport())
            below.dataReceived(answer)
            if fails:
                error = self.failureResultOf(connecting, ProxyError).value
                self.assertIn("exceeds the limit of 8192 bytes (max_line_size)", str(error))
            else:
                self.assertIs(self.successResultOf(connecting).factory, factory)

    def test_the_environment_names_a_proxy_unless_an_option_does(self):
        self.patch(os, "environ", {"all_proxy": "http://127.0.0.3"})
        self.assertEqual(self.reached(), ("127.0.0.3", 80))
        self.assertEqual(self.reached(proxy=True), ("127.0.0.3", 80))
        for proxy in (None, False):
            self.assertEqual(self.reached(proxy=proxy), ("127.0.0.1", 80))
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.2", 82)
        self.assertEqual(self.reached(endpoint=endpoint), ("127.0.0.2", 82))

    def test_mistakes_are_raised_at_once(self):
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.2", 82)
        creator = certify_options()
        for kind, options in (
            (InvalidProxy, {"proxy": "nonsense"}),
            (InvalidProxy, {"proxy": b"http://p"}),
            (InvalidProxy, {"proxy": 1}),
            (ValueError, {"proxy": "http://p", "endpoint": endpoint}),
            (ValueError, {"tls": creator, "server_hostname": "h"}),
            (ValueError, {"tls": creator, "client_certificate": certify("me")[0]}),
            (OSError, {"tls": "/nowhere.pem"}),
        ):
            self.assertRaises(kind, Dialer, **options)
        self.assertRaises(InvalidURI, self.endpoint, f"ws://{'x' * 64}/")

    def test_the_error_for_a_wrong_proxy_hides_the_password(self):
        for proxy in (b"http://me:secret@p", ["http://me:secret@p"], "me:secret@p"):
            error = self.assertRaises(InvalidProxy, Dialer, proxy=proxy)
            self.assertNotIn("secret", str(error) + repr(error))

    def test_a_host_need_not_have_a_name_of_the_internet(self):
        for uri, options in (
            ("ws://my_host:81/", {}),
            ("ws://127.0.0.1/", {"proxy": "http://my_host:81"}),
            ("wss://my_host:81/", {}),
            ("wss://my_host:81/", {"server_hostname": "chat.example"}),
            ("wss://my_host:81/", {"tls": InsecureTLS("my_host")}),
        ):
            endpoint = self.endpoint(uri, **options)
            endpoint.connect(self.made).addErrback(lambda _: None)
            self.assertEqual(self.reactor.nameResolver.name, "my_host")
            self.reactor.nameResolver.name = None

    def test_a_host_that_no_certificate_can_name_is_reported_at_once(self):
        uri, place = "wss://my~host/", TCP4ClientEndpoint(self.reactor, "127.0.0.1", 81)
        with self.assertRaises(InvalidURI) as caught:
            self.endpoint(uri, endpoint=place)
        self.assertIn("no certificate can have the name 'my~host'", str(caught.exception))
        self.endpoint(uri, endpoint=place, server_hostname="chat.example")
        for name in ("my~host", "2130706433", "a" * 64, "a..b", "%41"):
            with self.assertRaises(InvalidURI) as caught:
                self.endpoint("wss://127.0.0.1/", server_hostname=name)
            self.assertIn(f"no certificate can have the name '{name}'", str(caught.exception))

    def test_a_proxy_that_no_certificate_can_name_is_reported_at_once(self):
        with self.assertRaises(InvalidProxy) as caught:
            self.endpoint("ws://127.0.0.1/", proxy="https://me:secret@my~proxy")
        self.assertIn("https://my~proxy:443", str(caught.exception))
        self.assertIn("no certificate can have the name of its host", str(caught.exception))
        self.assertNotIn("secret", str(caught.exception))

    def test_the_name_that_a_certificate_must_have_is_known(self):
        self.endpoint("wss://127.0.0.1/")
        self.assertEqual(self.made.server_name, "127.0.0.1")
        self.endpoint("wss://127.0.0.1/", server_hostname="chat.example")
        self.assertEqual(self.made.server_name, "chat.example")

    def test_leaving_the_origin_leaves_what_was_for_it(self):
        dialer = Dialer(server_hostname="chat.example", client_certificate=certify("me")[0])
        self.assertTrue(dialer.leave_origin())
        factory = self.factory("wss://127.0.0.1/")
        dialer.endpoint_for(factory)
        self.assertEqual(factory.server_name, "127.0.0.1")
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.2", 82)
        self.assertFalse(Dialer(endpoint=endpoint).leave_origin())

    def test_it_describes_itself(self):
        uri = parse_uri("ws://example.com:81/")
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.2", 82)
        for options, words in (
            ({}, "example.com:81"),
            ({"proxy": "http://me:x@p"}, "example.com:81 through the proxy http://p:80"),
            ({"endpoint": endpoint}, "the endpoint"),
        ):
            self.assertEqual(Dialer(**options).describe(uri), words)

    def test_it_describes_the_way_that_was_taken_whatever_the_environment_says_then(self):
        self.patch(os, "environ", {"http_proxy": "http://127.0.0.3:1"})
        dialer, factory = Dialer(), self.factory("ws://192.0.2.1/")
        dialer.endpoint_for(factory)
        os.environ["http_proxy"] = "nonsense://"
        words = "192.0.2.1 through the proxy http://127.0.0.3:1"
        self.assertEqual(dialer.describe(factory.uri), words)

    def test_its_options_are_taken_out_of_all(self):
        options = {"proxy": None, "tls": None, "max_size": 1}
        self.assertIsInstance(take_dialer(options), Dialer)
        self.assertEqual(options, {"max_size": 1})


def certify_options():
    return optionsForClientTLS("localhost")
