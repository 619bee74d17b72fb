"""docs/howto/proxies.rst: its tables are true row by row, and its calls and hooks work."""

import re
import sys
from inspect import isfunction
from pathlib import Path
from types import ModuleType

import twisted.internet.threads
from twisted.internet.defer import ensureDeferred, maybeDeferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

import txws2
from tests.client.test_authentication import refusal
from tests.command.test_commands import ROOT
from tests.support.certificates import certify
from tests.support.examples import blocks
from tests.support.printed import PrintedTestCase
from txws2.client.authentication import Authentication
from txws2.wire.proxy.no_proxy import bypasses
from txws2.wire.proxy.urls import parse_proxy

HOWTO = Path(ROOT, "docs", "howto", "proxies.rst").read_text()
KINDS, ENTRIES = (text.split("\n\n")[0] for text in HOWTO.split(":header-rows: 1\n\n")[1:3])
ROW = re.compile(r"^   \* - ((?:.+\n?)(?:     - .+\n?)+)", re.MULTILINE)


def rows(table):
    """Return the cells of each row but the first."""
    return [re.split(r"\n     - ", row.strip()) for row in ROW.findall(table)][1:]


def quoted(text):
    return re.findall(r"``(.+?)``", text)


class TableTests(SynchronousTestCase):
    def test_each_kind_of_proxy_has_its_port(self):
        kinds = rows(KINDS)
        self.assertEqual(len(kinds), 6)
        for urls, protocol, port, who in kinds:
            for url in quoted(urls):
                proxy = parse_proxy(f"{url}proxy.example")
                self.assertEqual(proxy.port, int(port))
                self.assertEqual(proxy.scheme.startswith("socks"), protocol.startswith("SOCKS"))
                here = proxy.scheme in ("socks5", "socks4")
                self.assertEqual(who, "this machine" if here else "the proxy")

    def test_each_entry_of_no_proxy_is_for_such_hosts(self):
        hosts = {
            "example.com": [("example.com", 80), ("www.example.com", 80)],
            ".example.com": [("example.com", 80), ("www.example.com", 80)],
            "*.example.com": [("www.example.com", 80)],
            "10.0.0.1": [("10.0.0.1", 80)],
            "::1": [("::1", 80)],
            "[::1]": [("::1", 80)],
            "10.0.0.0/8": [("10.1.2.3", 80)],
            "fd00::/8": [("fd00::1", 80)],
            "127.*": [("127.0.0.1", 80)],
            "192.168.*": [("192.168.0.1", 80)],
            "example.com:8000": [("example.com", 8000), ("www.example.com", 8000)],
            "10.0.0.0/8:80": [("10.0.0.1", 80)],
            "[::1]:8000": [("::1", 8000)],
            "*": [("anything", 80), ("192.0.2.1", 80)],
        }
        shown = [entry for entries, _ in rows(ENTRIES) for entry in quoted(entries)]
        self.assertEqual(shown, list(hosts))
        for entry, direct in hosts.items():
            for host, port in direct:
                self.assertTrue(bypasses(entry, host, port), (entry, host))
            if entry != "*":
                self.assertFalse(bypasses(entry, "other.example", 80))


class ExampleTests(PrintedTestCase):
    KINDS, TLS, DIGEST, BEARER, NEGOTIATE = blocks(HOWTO, "python")

    def setUp(self):
        super().setUp()
        self.reactor = MemoryReactorClock()
        self.patch(twisted.internet, "reactor", self.reactor)

    def options_of(self, block):
        """Run a block; return the options with which it connects."""
        self.run_printed(block)
        made, connect = [], self.names["connect"]
        self.patch(txws2, "connect", lambda uri, **options: made.append(options))
        connect("ws://127.0.0.1/")
        return made[0]

    def test_calls_are_made_with_options_that_there_are(self):
        Path("authority.pem").write_bytes(certify("x.example")[1])
        self.addCleanup(Path("authority.pem").unlink)
        count = 0
        for block in self.KINDS, self.TLS, self.DIGEST:
            names = self.run_printed(block.replace("/etc/ssl/our-authority.pem", "authority.pem"))
            for call in filter(isfunction, names.values()):
                call("ws://127.0.0.1/").addErrback(lambda _: None).cancel()
                count += 1
        self.assertEqual(count, 6)

    def answer(self, authentication, *asking):
        return self.successResultOf(ensureDeferred(authentication.answer(*asking)))

    def test_a_token_is_read_when_a_server_asks(self):
        Path("token").write_text("abc\n")
        self.addCleanup(Path("token").unlink)
        options = self.options_of(self.BEARER)
        authentication = Authentication(options["authentication"], "h", 80, is_proxy=False)
        asking = refusal('Bearer realm="x"')
        self.assertEqual(self.answer(authentication, asking, "GET", "/"), "Bearer abc")
        self.assertIsNone(self.answer(authentication, asking, "GET", "/"))

    def test_negotiate_has_its_legs(self):
        """The package is another one here: its steps say what they were given."""

        class Context:
            steps = 0

            def step(self, token):
                self.steps += 1
                return None if token == b"done" else b"%d:%s" % (self.steps, token or b"")

        self.patch(sys, "modules", {**sys.modules, "spnego": ModuleType("spnego")})
        sys.modules["spnego"].client = lambda hostname, service: Context()
        self.patch(twisted.internet.threads, "deferToThread", maybeDeferred)
        options = self.options_of(self.NEGOTIATE)
        authentication = Authentication(options["proxy_authentication"], "p", 80, is_proxy=True)
        for challenge, expected in (
            ("Negotiate", "Negotiate MTo="),
            ("Negotiate YWJj", "Negotiate MjphYmM="),
            ("Negotiate ZG9uZQ==", None),
            ("Basic realm=x", None),
        ):
            asking = refusal(challenge, status=407, header="Proxy-Authenticate")
            answer = self.answer(authentication, asking, "CONNECT", "example.com:443")
            self.assertEqual(answer, expected)
