"""docs/howto/connecting.rst shows code that works: its calls, and its table row by row."""

import re
from inspect import signature
from pathlib import Path
from textwrap import indent

from twisted.internet import reactor
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import fail
from twisted.internet.endpoints import clientFromString
from twisted.internet.error import ConnectError, ConnectionRefusedError, DNSLookupError
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

import txws2
from tests.client.test_connections import ConnectTestCase
from tests.client.test_tls import TLSTestCase
from tests.command.test_commands import ROOT
from tests.support.certificates import certify, make_pems
from tests.support.examples import blocks
from tests.support.sides import answer
from txws2.client.connections import ConnectOptions, connect
from txws2.client.tls import ClientTLS
from txws2.exceptions import RedirectError
from txws2.wire.handshake.redirects import redirection
from txws2.wire.http.heads import Headers, Response
from txws2.wire.http.uris import parse_uri

HOWTO = Path(ROOT, "docs", "howto", "connecting.rst").read_text()
ROW = re.compile(r"   \* - (.+)\n     - ``(\w+)``\n     - (.+\n(?:       .+\n)*)")
TABLE = {what: (kind, " ".join(message.split())) for what, kind, message in ROW.findall(HOWTO)}


class TableTests(ConnectTestCase, TLSTestCase):
    def setUp(self):
        ConnectTestCase.setUp(self)
        TLSTestCase.setUp(self)

    def assertRow(self, what, connecting):
        error = self.failureResultOf(connecting).value
        self.assertEqual((type(error).__name__, str(error)), TABLE.pop(what))

    def answered(self, says, uri="ws://127.0.0.1:8000/", **options):
        """Connect, and let whoever is there say something."""
        connecting = self.connect(uri, **options)
        transport = self.accept()
        says = says(transport.value()) if callable(says) else says
        transport.protocol.dataReceived(says)
        return connecting

    def refused(self, **options):
        connecting = self.connect(**options)
        self.refuse()
        return connecting

    def refuse(self):
        factory = self.reactor.tcpClients[-1][2]
        error = ConnectionRefusedError(111, "Connection refused")
        factory.clientConnectionFailed(None, Failure(error))

    def test_each_row_is_true(self):
        unknown = self.connect("ws://example.com/")
        self.resolver.receiver.resolutionComplete()
        self.assertRow("There is no such name", unknown)
        self.assertRow("Nobody listens there", self.refused())
        nobody = self.connect("ws://localhost:8000/")
        for address in IPv6Address("TCP", "::1", 0), IPv4Address("TCP", "127.0.0.1", 0):
            self.resolver.receiver.addressResolved(address)
            self.refuse()
        self.resolver.receiver.resolutionComplete()
        self.assertRow("Nobody listens at any address", nobody)
        proxy = "http://127.0.0.1:3128"
        self.assertRow("The proxy isn't there", self.refused(proxy=proxy))
        head = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        self.assertRow("The proxy refuses", self.answered(head, proxy=proxy))
        for what, code in (
            ("The SOCKS proxy refuses", b"\x02"),
            ("The SOCKS proxy can't reach the server", b"\x04"),
        ):
            says = b"\x05\x00\x05" + code + b"\x00\x01\x00"
            self.assertRow(what, self.answered(says, proxy="socks5h://127.0.0.1:1080"))
        head = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
        self.assertRow("The server refuses", self.answered(head))
        garbage = self.answered(b"")
        self.protocol.connectionLost(Failure(ConnectionRefusedError()))
        self.assertRow("The response isn't HTTP, or there is none", garbage)
        wrong = re.sub(rb"Accept: .*?\r\n", b"Accept: x\r\n", answer(b"Sec-WebSocket-Key: a\r\n"))
        self.assertRow("The response isn't for this request", self.answered(wrong))
        self.assertRow(
            "The response doesn't open a WebSocket", self.answered(b"HTTP/1.1 101 x\r\n\r\n")
        )
        endless = b"HTTP/1.1 101 x\r\nX: " + b"x" * 9000
        self.assertRow("The response never ends", self.answered(endless))
        for what, line in (
            ("A subprotocol that wasn't offered", b"Sec-WebSocket-Protocol: chat"),
            ("An extension that wasn't offered", b"Sec-WebSocket-Extensions: x-made-up"),
        ):
            self.assertRow(what, self.answered(lambda said, line=line: answer(said, line)))
        late = self.connect()
        self.reactor.advance(10)
        self.assertRow("The time is over", late)
        self.check_rows_of_tls()
        self.assertEqual(TABLE, {})

    def check_rows_of_tls(self):
        untrusted, _ = self.meet(ClientTLS(None))
        self.assertRow("The certificate isn't trusted", fail(untrusted.failure))
        certificate, pem = certify("other.example")
        tls = ClientTLS(self.write("other.pem", pem))
        another, _ = self.meet(tls, server=certificate.options())
        self.assertRow("The certificate is for another host", fail(another.failure))
        elsewhere = Response(302, "", Headers())
        elsewhere.headers.addRawHeader("Location", "http://127.0.0.1:8000/")
        uri = parse_uri("wss://127.0.0.1:8000/")
        with self.assertRaises(RedirectError) as caught:
            redirection(uri, elsewhere, [str(uri)])
        self.assertRow("The server redirects from wss to ws", fail(caught.exception))


class OptionsTests(TestCase):
    table = HOWTO.partition("All options\n---")[2].partition("\nErrors\n---")[0]

    def test_there_is_a_page_for_each_option(self):
        options = {*ConnectOptions.__annotations__, *signature(connect).parameters}
        options -= {"more", "options"}
        shown = re.findall(r"``(\w+)``", self.table.partition(".. list-table")[2])
        self.assertEqual(set(shown), options)

    def test_the_page_is_about_it(self):
        for names, page in re.findall(r"   \* - (``.+)\n     - (.+)", self.table):
            name = re.sub(r":doc:`(.+)`", r"\1", page).replace("this one", "connecting")
            text = Path(ROOT, "docs", "howto", f"{name}.rst").read_text()
            for option in re.findall(r"``(\w+)``", names):
                self.assertRegex(text, rf"\b{option}\b", page)


class CallTestCase(TestCase):
    """Each call can be made; that none of them gets anywhere is not its fault."""

    def run_block(self, text, **names):
        made = []

        class Watched:
            def __getattr__(self, name):
                function = getattr(txws2, name)

                def call(*arguments, **options):
                    opening = function(*arguments, **options)
                    opening.addErrback(lambda _: None).cancel()
                    made.append(name)

                return call if name.endswith("connect") else function

        exec(text, {"txws2": Watched(), "reactor": reactor, **names})
        return made


class CallTests(CallTestCase):
    def test_they_are_made_with_options_that_there_are(self):
        Path("authority.pem").write_bytes(certify("x.example")[1])
        Path("me.pem").write_bytes(b"".join(make_pems("me")))
        made = []
        for block in blocks(HOWTO, "python"):
            if "await" not in block:
                block = block.replace("/etc/ssl/our-authority.pem", "authority.pem")
                names = {"clientFromString": clientFromString, "uri": "ws://127.0.0.1/"}
                made += self.run_block(block, **names)
        self.assertEqual(len(made), 12)

    async def test_the_last_one_prints_what_went_wrong(self):
        printed = []
        *_, block = blocks(HOWTO, "python")
        names = {
            "txws2": txws2,
            "ConnectError": ConnectError,
            "DNSLookupError": DNSLookupError,
            "uri": "ws://nowhere.invalid/",
            "print": printed.append,
        }
        exec("async def run():\n" + indent(block, "    "), names)
        await names["run"]()
        [words] = printed
        self.assertIn("can't connect to ws://nowhere.invalid/: DNS lookup failed", words)
