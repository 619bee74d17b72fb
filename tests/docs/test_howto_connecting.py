"""docs/howto/connecting.rst shows code that works: its calls, and its table row by row."""

import re
from inspect import signature
from pathlib import Path

import twisted.internet
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import fail
from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.client.test_connections import ConnectTestCase
from tests.client.test_tls import TLSTestCase
from tests.command.test_commands import ROOT
from tests.support.certificates import certify
from tests.support.examples import blocks
from tests.support.printed import PrintedTestCase
from tests.support.resolving import ResolvingReactor
from tests.support.sides import answer
from txws2.client.connections import ConnectOptions, connect
from txws2.client.tls import ClientTLS
from txws2.exceptions import RedirectError
from txws2.testing import Refuse, ScriptedServer
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


class CallTests(PrintedTestCase):
    """Each function of the page connects in memory; the program prints what it gets."""

    HELLO, TLS, CREDENTIALS, PAGE, PROXIES, PLACES, ERRORS = blocks(HOWTO, "python")

    def attempt(self, server, name, *arguments):
        """Call a function of the block; return the attempt that it makes."""
        connecting = self.names[name](*arguments)
        connecting.addErrback(lambda _: None)
        server.advance(1)
        connecting.cancel()
        return server.attempts[-1]

    def play(self, block, *steps):
        """Run a program; return the lines that it prints."""
        self.run_printed(block)
        [(main, place, options)] = self.served
        self.assertEqual((place, options), ((), {}))
        with ScriptedServer(echo).script(*steps) as server:
            self.successResultOf(server.start(main(server.reactor)))
        return self.printed()

    def test_the_first_says_hello(self):
        self.assertEqual(self.play(self.HELLO), ["hello"])

    def test_the_file_of_an_authority_is_read(self):
        Path("authority.pem").write_bytes(certify("x.example")[1])
        self.addCleanup(Path("authority.pem").unlink)
        self.run_printed(self.TLS.replace("/etc/ssl/our-authority.pem", "authority.pem"))
        with ScriptedServer(echo) as server:
            attempt = self.attempt(server, "to_the_intranet")
        self.assertEqual((attempt.uri, attempt.secure), ("wss://intranet.example/", True))

    def test_credentials_are_sent_in_three_ways(self):
        self.run_printed(self.CREDENTIALS)
        challenge = {"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth"'}
        with ScriptedServer(echo) as server:
            password = self.attempt(server, "with_a_password")
            token = self.attempt(server, "with_a_token")
            server.script(Refuse(401, headers=challenge))
            digest = self.attempt(server, "with_digest")
        self.assertEqual(password.credentials, ("me", "s@cret"))
        self.assertEqual(token.request.headers["Authorization"], "Bearer abc")
        self.assertIn('Digest username="me"', digest.request.headers["Authorization"])

    def test_origin_and_subprotocols_are_sent(self):
        self.run_printed(self.PAGE)
        with ScriptedServer(echo) as server:
            attempt = self.attempt(server, "as_a_page_does")
        self.assertEqual(attempt.request.headers["Origin"], "https://example.com")
        self.assertEqual(attempt.subprotocols, ["chat.v2", "chat"])

    def test_the_proxy_is_asked_where_there_is_one(self):
        self.run_printed(self.PROXIES)
        reactor = ResolvingReactor()
        self.patch(twisted.internet, "reactor", reactor)
        for name in "through_a_proxy", "through_socks", "through_none":
            connecting = self.names[name]("ws://127.0.0.1/")
            connecting.addErrback(lambda _: None)
            connecting.cancel()
        self.assertEqual([port for _, port, *_ in reactor.tcpClients[1:]], [1080, 80])

    def test_other_places_take_the_place_of_the_host(self):
        self.run_printed(self.PLACES)
        with ScriptedServer(echo, at="/run/chat.sock") as server:
            attempt = self.attempt(server, "to_a_unix_socket")
        self.assertEqual(attempt.uri, "ws://localhost/chat")
        reactor = MemoryReactorClock()
        self.names["to_an_endpoint"](reactor).addErrback(lambda _: None).cancel()
        self.assertEqual(reactor.tcpClients[0][:2], ("10.0.0.7", 81))

    def test_the_last_one_prints_what_went_wrong(self):
        self.assertEqual(self.play(self.ERRORS, Refuse(503, body="busy")), ["503 b'busy'"])
        self.served.clear()
        _, line = self.play(self.ERRORS, DNSLookupError())
        self.assertIn("can't connect to ws://example.com/chat: DNS lookup failed", line)


async def echo(ws):
    """Answer one message; the last program says nothing and hears something all the same."""
    async for message in ws:
        await ws.send(message)
