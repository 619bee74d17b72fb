"""Endpoint strings: the endpoints that they describe, and the errors about invalid ones."""

import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import (
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpointStringParser,
)
from twisted.internet.testing import StringTransport
from twisted.plugin import IPlugin, getPlugins
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from tests.client.test_connections import Reactor, Resolver
from tests.support.certificates import make_pems
from tests.support.sides import REQUEST
from tests.support.streams import Made
from txws2.exceptions import InvalidHandshake, InvalidURI, OpeningTimeout
from txws2.streams.endpoint_strings import client_endpoint, server_endpoint
from txws2.streams.endpoints import WebSocketClientEndpoint, WebSocketServerEndpoint
from txws2.streams.factories import WebSocketFactory

ROOT = Path(__file__).parents[2]


class DescriptionTestCase(SynchronousTestCase):
    def setUp(self):
        self.reactor = Reactor()
        self.reactor.nameResolver = Resolver()

    def assertWrong(self, read, description, *parts):
        """Assert that a string is refused, and that the error has these parts."""
        exc = self.assertRaises(ValueError, read, self.reactor, description)
        for part in parts:
            self.assertIn(part, str(exc))


class ServerTests(DescriptionTestCase):
    def listen(self, description):
        endpoint = serverFromString(self.reactor, description)
        self.assertIsInstance(endpoint, WebSocketServerEndpoint)
        endpoint.listen(Made())

    def listen_tcp(self, description):
        """Listen as the string says; return the port, the interface and the path."""
        self.listen(description)
        [(port, factory, _, interface)] = self.reactor.tcpServers
        self.assertIsInstance(factory, WebSocketFactory)
        self.assertFalse(factory.text)
        self.assertIs(factory.reactor, self.reactor)
        return port, interface, factory.path

    def test_a_port_alone(self):
        self.assertEqual(self.listen_tcp("ws:8080"), (8080, "", None))

    def test_a_port_with_what_tcp_understands_and_a_path(self):
        description = "ws:8080:interface=127.0.0.1:path=/amp"
        self.assertEqual(self.listen_tcp(description), (8080, "127.0.0.1", "/amp"))

    def test_an_interface_with_colons(self):
        self.assertEqual(self.listen_tcp(r"ws:0:interface=\:\:1"), (0, "::1", None))

    def test_another_endpoint(self):
        self.listen(r"ws:unix\:/run/x.sock:path=/amp")
        [(address, factory, *_)] = self.reactor.unixServers
        self.assertEqual((address, factory.path), ("/run/x.sock", "/amp"))

    def test_another_endpoint_with_options_of_its_own(self):
        self.listen(r"ws:unix\:/run/x.sock\:mode=600\:backlog=9:path=/amp")
        [(address, factory, backlog, mode, _)] = self.reactor.unixServers
        self.assertEqual((address, mode, backlog), ("/run/x.sock", 0o600, 9))
        self.assertEqual(factory.path, "/amp")

    def test_tls(self):
        path = Path(self.mktemp())
        path.write_bytes(b"".join(make_pems("localhost")))
        self.listen(f"wss:443:privateKey={path}:path=/amp")
        [(port, factory, *_)] = self.reactor.sslServers
        self.assertEqual((port, factory.path), (443, "/amp"))

    def test_tls_needs_a_key(self):
        self.assertWrong(serverFromString, "wss:443", "wss: needs privateKey=")

    def test_tls_is_of_a_port(self):
        self.assertWrong(serverFromString, r"wss:unix\:/x", "wss: must be followed by a port;")

    def test_without_a_port_it_says_what_it_wants(self):
        for description, came in [("ws", ""), ("ws:http", "http"), ("ws:tcp:80", "tcp:80")]:
            self.assertWrong(
                serverFromString,
                description,
                r"must be followed by a port, or another endpoint with \ before its colons; "
                f"it is followed by {came!r}",
            )

    def test_a_colon_too_few_quoted_is_found(self):
        description = r"ws:unix\:/x:mode=600"
        expected = r"ws: mode= belongs to the endpoint 'unix:/x'; put \ before the colon"
        self.assertWrong(serverFromString, description, expected)

    def test_an_option_that_nobody_knows(self):
        self.assertWrong(serverFromString, "ws:80:foo=1", "ws: stands for 'tcp:80:foo=1'", "foo")

    def factory(self, description):
        """Return the factory that listens as the string says."""
        self.listen(description)
        return self.reactor.tcpServers[-1][1]

    def test_subprotocols(self):
        self.assertEqual(self.factory("ws:80:subprotocol=mqtt").subprotocols, ["mqtt"])
        several = self.factory("ws:80:subprotocol=mqtt, mqttv3.1").subprotocols
        self.assertEqual(several, ["mqtt", "mqttv3.1"])

    def serve(self, factory, host):
        """Return the answer to a request for this host."""
        protocol, transport = factory.buildProtocol(None), StringTransport()
        protocol.makeConnection(transport)
        protocol.dataReceived(REQUEST.replace(b"example.com", host.encode()))
        return transport.value().decode()

    def test_origins_and_hosts(self):
        description = r"ws:80:origin=https\://example.com,same-origin,none:host=example.com"
        factory = self.factory(description)
        self.assertEqual(factory.origins, ["https://example.com", "same-origin", None])
        self.assertEqual(
            self.serve(factory, "other.example").split("\r\n")[0],
            "HTTP/1.1 421 Misdirected Request",
        )
        self.assertIn(" 101 ", self.serve(factory, "example.com"))
        self.assertIsNone(self.factory("ws:80").origins)

    def test_a_warning_names_options_as_a_string_has_them(self):
        factory = self.factory(r"ws:80:origin=same-origin,none:host=a.example")
        spelling = factory._warnings.spelling
        self.assertEqual(
            spelling.add("origins", "http://localhost:5500"),
            r"origin=same-origin,none,http\://localhost\:5500",
        )
        self.assertEqual(spelling.add("hosts", "b.example"), "host=a.example,b.example")
        self.assertEqual(spelling.name("max_size"), "max_size")

    def test_an_origin_that_is_none(self):
        self.assertWrong(serverFromString, "ws:80:origin=example.com", "isn't an origin")
        self.assertWrong(
            serverFromString, "ws:80:origin=", "ws: origin must have one or more values"
        )

    def test_a_path_without_its_slash(self):
        self.assertWrong(serverFromString, "ws:80:path=amp", "path must begin", "'amp'")


class ClientTests(DescriptionTestCase):
    def connect(self, description):
        endpoint = clientFromString(self.reactor, description)
        self.assertIsInstance(endpoint, WebSocketClientEndpoint)
        connecting = endpoint.connect(Made())
        self.addCleanup(lambda: connecting.cancel() or self.failureResultOf(connecting))

    def ask(self, description):
        """Connect as the string says; return the address, the path and the Host of the request."""
        self.connect(description)
        [(host, port, factory, *_)] = self.reactor.tcpClients
        transport = StringTransport()
        factory.buildProtocol(None).makeConnection(transport)
        line, header, *_ = transport.value().decode().split("\r\n")
        return host, port, line.split(" ")[1], header.removeprefix("Host: ")

    def test_a_host_alone(self):
        expected = ("127.0.0.1", 80, "/", "127.0.0.1")
        self.assertEqual(self.ask("ws:127.0.0.1"), expected)

    def test_host_and_port(self):
        expected = ("127.0.0.1", 8080, "/", "127.0.0.1:8080")
        self.assertEqual(self.ask("ws:127.0.0.1:8080"), expected)

    def test_a_path_and_a_query(self):
        expected = ("127.0.0.1", 8080, "/amp?x=1", "127.0.0.1:8080")
        self.assertEqual(self.ask("ws:127.0.0.1:8080:path=/amp?x=1"), expected)

    def test_a_path(self):
        self.assertEqual(self.ask("ws:127.0.0.1:8080:/amp")[2], "/amp")

    def test_all_by_their_names(self):
        expected = ("127.0.0.1", 8080, "/amp", "127.0.0.1:8080")
        self.assertEqual(self.ask("ws:port=8080:path=/amp:host=127.0.0.1"), expected)

    def test_an_address_with_colons(self):
        self.assertEqual(self.ask(r"ws:\:\:1:8080"), ("::1", 8080, "/", "[::1]:8080"))

    def test_tls(self):
        self.connect("wss:127.0.0.1")
        [(host, port, *_)] = self.reactor.tcpClients
        self.assertEqual((host, port), ("127.0.0.1", 443))

    def test_another_endpoint_to_connect_to(self):
        self.connect(r"ws:localhost:endpoint=unix\:/run/x.sock")
        [(address, *_)] = self.reactor.unixClients
        self.assertEqual(address, "/run/x.sock")

    def headers(self, description):
        """Connect as the string says; return the header lines of the request."""
        self.connect(description)
        transport = StringTransport()
        self.reactor.tcpClients[-1][2].buildProtocol(None).makeConnection(transport)
        return transport.value().decode().split("\r\n")

    def test_a_subprotocol_or_several(self):
        for given, sent in (("mqtt", "mqtt"), ("mqtt,mqttv3.1", "mqtt, mqttv3.1")):
            lines = self.headers(f"ws:127.0.0.1:80:subprotocol={given}")
            self.assertIn(f"Sec-WebSocket-Protocol: {sent}", lines)

    def test_headers_and_an_origin(self):
        lines = self.headers(
            r"ws:127.0.0.1:header.X-Device=7:header.Authorization=Bearer a=b\:c"
            r":origin=https\://example.com"
        )
        for line in ("X-Device: 7", "Authorization: Bearer a=b:c", "Origin: https://example.com"):
            self.assertIn(line, lines)

    def test_a_header_that_cannot_be_sent(self):
        for name in ("header.", "header.Host", "header.Sec-WebSocket-Key", "header.a b"):
            description = f"ws:127.0.0.1:{name}=x"
            self.assertRaises(InvalidHandshake, clientFromString, self.reactor, description)

    def test_a_name_and_a_password(self):
        lines = self.headers(r"ws:127.0.0.1:username=me@home:password=a\:b/c")
        self.assertIn("Authorization: Basic " + b64encode(b"me@home:a:b/c").decode(), lines)

    def test_a_name_without_a_password(self):
        for name in ("username", "password"):
            self.assertWrong(clientFromString, f"ws:h:{name}=secret", "belong together")

    def test_a_timeout(self):
        connecting = clientFromString(self.reactor, "ws:127.0.0.1:timeout=2500ms").connect(Made())
        self.reactor.advance(2.4)
        self.assertNoResult(connecting)
        self.reactor.advance(0.2)
        self.failureResultOf(connecting, OpeningTimeout)

    def test_a_timeout_that_is_none(self):
        for timeout in ("", "soon", "0", "-1", "nan", "inf"):
            expected = (
                "wss: timeout must be a number of seconds, more than 0, as 10, 10s, 500ms or 2m; "
                f"it is {timeout!r}"
            )
            self.assertWrong(clientFromString, f"wss:h:timeout={timeout}", expected)

    def test_a_proxy(self):
        self.connect(r"ws:example.com:proxy=http\://127.0.0.1\:3128")
        self.assertEqual(self.reactor.tcpClients[-1][:2], ("127.0.0.1", 3128))

    def test_no_proxy_whatever_the_environment_says(self):
        self.patch(os, "environ", {"ws_proxy": "http://127.0.0.1:3128"})
        self.connect("ws:127.0.0.2")
        self.assertEqual(self.reactor.tcpClients[-1][:2], ("127.0.0.1", 3128))
        self.connect("ws:127.0.0.2:proxy=")
        self.assertEqual(self.reactor.tcpClients[-1][:2], ("127.0.0.2", 80))

    def make_pem(self, *pems):
        path = Path(self.mktemp())
        path.write_bytes(b"".join(pems))
        return path

    def test_certificates_to_trust_by_the_names_that_twisted_has(self):
        pem, key = make_pems("localhost")
        trusted, keyed = self.make_pem(pem), self.make_pem(key)
        for name in ("trustRoots", "caCertsDir"):
            self.connect(f"wss:127.0.0.1:{name}={trusted}")
            self.assertWrong(
                clientFromString, f"wss:h:{name}={keyed}", "must have a certificate in PEM format"
            )
        description = f"wss:h:trustRoots={trusted}:caCertsDir={trusted}"
        self.assertWrong(clientFromString, description, "mean the same")
        self.assertWrong(clientFromString, "wss:h:trustRoots=", "wss: trustRoots= is empty")

    def test_a_directory_of_certificates_to_trust(self):
        pem = self.make_pem(make_pems("localhost")[0])
        directory = Path(self.mktemp())
        directory.mkdir()
        pem.rename(directory / "authority.pem")
        for name in ("trustRoots", "caCertsDir"):
            self.connect(f"wss:127.0.0.1:{name}={directory}")

    def test_a_certificate_to_show(self):
        pem, key = make_pems("localhost")
        apart = f"certificate={self.make_pem(pem)}:privateKey={self.make_pem(key)}"
        for given in (f"certificate={self.make_pem(pem, key)}", apart):
            self.connect(f"wss:127.0.0.1:{given}:serverHostname=localhost")

    def test_a_key_that_is_not_the_certificate_s(self):
        pem, key = self.make_pem(make_pems("a")[0]), self.make_pem(make_pems("b")[1])
        for wrong in (key, self.make_pem(b"no key")):
            description = f"wss:h:certificate={pem}:privateKey={wrong}"
            self.assertWrong(clientFromString, description, "can't be used")
        description = f"wss:h:privateKey={key}"
        self.assertWrong(clientFromString, description, "privateKey= needs certificate=")

    def test_without_tls_there_are_no_certificates(self):
        for name in ("trustRoots", "caCertsDir", "certificate", "privateKey", "serverHostname"):
            expected = f"ws: has no TLS, so {name}= is for wss: only"
            self.assertWrong(clientFromString, f"ws:h:{name}=x", expected)

    def test_without_a_host_it_says_what_it_wants(self):
        for description in ("ws", "ws:", "ws:port=80", "ws:a/b", "ws:user@h"):
            self.assertWrong(clientFromString, description, "ws: must be followed by a host; ")

    def test_more_than_it_knows(self):
        self.assertWrong(clientFromString, "ws:h:80:/:x", "host, port and path", "'h:80:/:x'")

    def test_an_option_that_nobody_knows(self):
        self.assertWrong(clientFromString, "ws:h:foo=1", "no foo=", "host, port, path, endpoint")

    def test_an_option_that_is_there_twice(self):
        self.assertWrong(
            clientFromString, "ws:h:80:port=81", "must have one port; it has '80' and '81'"
        )

    def test_a_port_that_is_none(self):
        for port in ("http", "0", "65536", "-1", ""):
            self.assertWrong(clientFromString, f"ws:h:{port}", "1 to 65535", repr(port))

    def test_a_path_without_its_slash(self):
        self.assertWrong(clientFromString, "ws:h:80:amp", "begin with a slash", "'amp'")

    def test_a_host_that_is_none(self):
        self.assertRaises(InvalidURI, clientFromString, self.reactor, "ws:a b")


class PluginTests(TestCase):
    def test_they_read_the_strings_of_either_side(self):
        for interface in (
            IPlugin,
            IStreamServerEndpointStringParser,
            IStreamClientEndpointStringParserWithReactor,
        ):
            found = {
                plugin.prefix: plugin
                for plugin in getPlugins(IStreamServerEndpointStringParser)
                if type(plugin).__module__ == "twisted.plugins.txws2_endpoints"
            }
            self.assertEqual(set(found), {"ws", "wss"})
            for plugin in found.values():
                verifyObject(interface, plugin)

    def test_the_file_loads_neither_the_package_nor_a_reactor(self):
        loading = (
            "import sys, twisted.plugins.txws2_endpoints\n"
            "sys.exit(any(name in sys.modules for name in ('txws2', 'twisted.internet.reactor')))"
        )
        subprocess.run([sys.executable, "-c", loading], cwd=ROOT, check=True, timeout=60)

    def test_the_function_that_it_calls_is_there(self):
        reactor = Reactor()
        reactor.nameResolver = Resolver()
        server = server_endpoint("ws", reactor, ("8080",), {})
        client = client_endpoint("ws", reactor, ("localhost",), {})
        self.assertIsInstance(server, WebSocketServerEndpoint)
        self.assertIsInstance(client, WebSocketClientEndpoint)
