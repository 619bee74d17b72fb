"""Hostile servers of every kind: `connect` fails in time, with the right type, and cleanly.

The tests follow the table of docs/howto/connecting.rst, on real sockets. They run again through a
proxy, behind which every failure must look the same.
"""

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import ConnectError, ConnectionRefusedError, DNSLookupError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.trial.unittest import TestCase

import txws2
from tests.support.examples import free_port
from tests.support.sides import answer
from tests.support.tunnels import start_proxy
from txws2.exceptions import (
    HeaderLineTooLong,
    InvalidHeader,
    InvalidHeaderFormat,
    InvalidHeaderValue,
    InvalidMessage,
    InvalidProtocol,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidUpgrade,
    NegotiationError,
    OpeningTimeout,
    ProxyError,
    RedirectError,
    SecurityError,
    StatusLineTooLong,
    TooManyHeaders,
)
from txws2.wire.http.bodies import MAX_BODY_SIZE

SOON = 0.3
"""The open_timeout of attempts that must time out."""

IN_TIME = 0.5
"""Seconds by which a timeout may be late."""


class Hostile(Protocol):
    """Calls a function of its factory once it has the request."""

    def __init__(self):
        self.request, self.gone = b"", Deferred()

    def connectionMade(self):
        self.factory.connections.append(self)
        if self.factory.at_once:
            self.factory.act(self)

    def dataReceived(self, data):
        before, self.request = self.request, self.request + data
        if b"\r\n\r\n" in self.request and b"\r\n\r\n" not in before and not self.factory.at_once:
            self.factory.act(self)

    def connectionLost(self, reason):
        self.gone.callback(None)

    def say(self, data):
        self.transport.write(data)


class HostileTestCase(TestCase):
    timeout = 60
    proxy = None

    async def listen(self, act, at_once=False):
        """Listen with a server that acts so; return its address."""
        factory = Factory.forProtocol(Hostile)
        factory.noisy, factory.at_once, factory.act = False, at_once, act
        factory.connections = []
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port = await endpoint.listen(factory)
        self.addCleanup(port.stopListening)
        self.factory = factory
        return f"127.0.0.1:{port.getHost().port}"

    async def assertFails(self, kind, act, words="", *, at_once=False, scheme="ws", **options):
        """Assert that it fails with this type, in time, and that nothing is left of it."""
        host = await self.listen(act, at_once)
        return await self.assertFailsAt(f"{scheme}://{host}/", kind, words, **options)

    async def assertFailsAt(self, uri, kind, words="", **options):
        options.setdefault("open_timeout", SOON if kind is OpeningTimeout else 10)
        options.setdefault("proxy", self.proxy)
        before = set(reactor.getDelayedCalls())
        connecting = txws2.connect(uri, **options)
        # If the timeout itself fails, this cancels the attempt, and the test fails.
        watchdog = reactor.callLater(options["open_timeout"] + IN_TIME, connecting.cancel)
        error = None
        try:
            await connecting
        except Exception as exc:
            error = exc
        self.assertTrue(watchdog.active(), "it did not fail in time")
        watchdog.cancel()
        self.assertIs(type(error), kind, error)
        self.assertIn(words, str(error))
        # trial itself fails if a socket or a call is left; this names the one that left it.
        await DeferredList([connection.gone for connection in self.factory.connections])
        ours = [
            call
            for call in set(reactor.getDelayedCalls()) - before
            if "txws2" in repr(call.func) or "txws2" in getattr(call.func, "__module__", "")
        ]
        self.assertEqual(ours, [])
        return error


class ThroughProxy:
    """The same servers at the end of a tunnel."""

    async def setUp(self):
        self.tunnels = await start_proxy(self)
        self.proxy = self.tunnels.url
        self.addCleanup(lambda: self.assertNotEqual(self.tunnels.targets, []))


class SilenceTests(HostileTestCase):
    async def test_one_that_is_silent(self):
        error = await self.assertFails(OpeningTimeout, lambda server: None)
        self.assertEqual(error.stage, "the server's answer")

    async def test_one_that_is_silent_in_tls(self):
        error = await self.assertFails(OpeningTimeout, lambda server: None, scheme="wss")
        self.assertEqual(error.stage, "the TLS handshake")

    async def test_one_that_says_half_a_response(self):
        def act(server):
            server.say(answer(server.request)[:-5])

        await self.assertFails(OpeningTimeout, act)

    async def test_one_that_is_slow_by_the_byte(self):
        def act(server):
            rest = bytearray(answer(server.request) + b"x" * 10_000)
            dripping = LoopingCall(lambda: server.say(bytes([rest.pop(0)])))
            server.gone.addCallback(lambda _: dripping.stop())
            dripping.start(0.05)

        await self.assertFails(OpeningTimeout, act)

    async def test_one_whose_refusal_never_ends(self):
        def act(server):
            server.say(b"HTTP/1.1 401 Who?\r\nWWW-Authenticate: Basic\r\n\r\nwho are")

        error = await self.assertFails(InvalidStatus, act, "HTTP 401", open_timeout=SOON)
        self.assertEqual(error.response.body, b"who are")

    async def test_one_whose_refusal_goes_on_and_on(self):
        def act(server):
            server.say(b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n")
            dripping = LoopingCall(lambda: server.say(b"1\r\nx\r\n"))
            server.gone.addCallback(lambda _: dripping.stop())
            dripping.start(0.05)

        error = await self.assertFails(InvalidStatus, act, "HTTP 403", open_timeout=30)
        self.assertIn(b"xx", error.response.body)

    async def test_one_whose_interim_responses_never_end(self):
        """Attack 33."""

        def act(server):
            flooding = LoopingCall(lambda: server.say(b"HTTP/1.1 102 Processing\r\n\r\n"))
            server.gone.addCallback(lambda _: flooding.stop())
            flooding.start(0.001)

        await self.assertFails(SecurityError, act, "more than 16 interim responses")


class GarbageTests(HostileTestCase):
    async def test_bytes_that_are_no_response_are_refused(self):
        for kind, says in (
            (InvalidMessage, b"\x00\xff" * 100 + b"\r\n\r\n"),
            (InvalidMessage, b"HTTP/1.1 101\n\n"),
            (InvalidMessage, b"HTTP/1.1 101 x\r\nno colon\r\n\r\n"),
            (InvalidMessage, b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n"),
            (InvalidProtocol, b"HTTP/1.0 101 x\r\n\r\n"),
            (InvalidUpgrade, b"HTTP/1.1 101 x\r\n\r\n"),
            (StatusLineTooLong, b"x" * 100_000),
        ):
            await self.assertFails(kind, lambda server, says=says: server.say(says))

    async def test_bytes_before_the_request_are_refused(self):
        says = b"220 smtp.example.com ready\r\n\r\n"
        await self.assertFails(InvalidMessage, lambda server: server.say(says), at_once=True)

    async def test_a_hundred_megabytes_of_headers(self):
        def act(header):
            def flood(server):
                producing = LoopingCall(lambda: server.say(header * (2**20 // len(header))))
                server.gone.addCallback(lambda _: producing.running and producing.stop())
                server.say(b"HTTP/1.1 101 x\r\n")
                producing.start(0)

            return flood

        await self.assertFails(TooManyHeaders, act(b"X: y\r\n"))
        await self.assertFails(HeaderLineTooLong, act(b"x" * 1000))

    async def test_a_body_of_more_than_a_megabyte(self):
        def act(server):
            server.say(b"HTTP/1.1 403 No\r\n\r\n" + b"x" * (MAX_BODY_SIZE * 2))

        error = await self.assertFails(InvalidStatus, act)
        self.assertEqual(len(error.response.body), MAX_BODY_SIZE)

    async def test_garbage_in_place_of_tls(self):
        def act(server):
            server.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        words = "the TLS handshake failed: wrong version number"
        await self.assertFails(SecurityError, act, words, scheme="wss", at_once=True)


class WrongAnswerTests(HostileTestCase):
    async def test_a_wrong_accept_key(self):
        def act(server):
            server.say(answer(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"))

        await self.assertFails(InvalidHeaderValue, act, "invalid Sec-WebSocket-Accept header")

    async def test_no_accept_key(self):
        def act(server):
            says = b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            server.say(says)

        await self.assertFails(InvalidHeader, act, "missing Sec-WebSocket-Accept header")

    async def test_an_answer_that_was_never_offered_is_refused(self):
        for kind, line in (
            (NegotiationError, b"Sec-WebSocket-Extensions: x-made-up"),
            (NegotiationError, b"Sec-WebSocket-Extensions: permessage-deflate; x=y"),
            (NegotiationError, b"Sec-WebSocket-Protocol: chat"),
            (InvalidHeaderFormat, b"Sec-WebSocket-Extensions: ;;;"),
        ):

            def act(server, line=line):
                server.say(answer(server.request, line))

            await self.assertFails(kind, act)

    async def test_a_401_with_its_body(self):
        says = b"HTTP/1.1 401 Who?\r\nWWW-Authenticate: Basic\r\nContent-Length: 5\r\n\r\nwho??"
        error = await self.assertFails(InvalidStatus, lambda server: server.say(says), "HTTP 401")
        self.assertEqual(error.response.headers["WWW-Authenticate"], "Basic")
        self.assertEqual(error.response.body, b"who??")


class RedirectTests(HostileTestCase):
    """Attack 20."""

    nobody = ConnectionRefusedError

    def redirect(self, location):
        def act(server):
            head = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
            server.say(head + location + b"\r\n\r\n")

        return act

    async def test_a_loop(self):
        words = "redirected more than 10 times: "
        error = await self.assertFails(RedirectError, self.redirect(b"/"), words)
        self.assertEqual(len(error.chain), 12)
        self.assertEqual(len(self.factory.connections), 11)

    async def test_a_loop_of_bodies_that_never_end(self):
        def act(server):
            server.say(b"HTTP/1.1 302 Found\r\nLocation: /\r\nSet-Cookie: a=b\r\n\r\nyou are sent")

        await self.assertFails(RedirectError, act, "redirected more than 10 times: ")
        self.assertEqual(len(self.factory.connections), 11)
        requests = [server.request for server in self.factory.connections]
        self.assertEqual([b"Cookie: a=b\r\n" in each for each in requests], [False] + [True] * 10)

    async def test_nonsense(self):
        await self.assertFails(RedirectError, self.redirect(b"ws://[/"), "isn't a WebSocket URI")

    async def test_a_place_where_nobody_is(self):
        location = f"ws://127.0.0.1:{free_port()}/".encode()
        await self.assertFails(self.nobody, self.redirect(location))


class ResetTests(HostileTestCase):
    """Attack 21: a reset, at every stage."""

    async def test_as_soon_as_it_is_connected(self):
        def act(server):
            server.transport.abortConnection()

        await self.assertFails(InvalidMessage, act, at_once=True)
        await self.assertFails(SecurityError, act, at_once=True, scheme="wss")

    async def test_after_the_request_and_within_the_response(self):
        for says in (b"", b"HTTP/1.1", b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n"):

            def act(server, says=says):
                server.say(says)
                reactor.callLater(0.05, server.transport.abortConnection)

            await self.assertFails(InvalidMessage, act)

    async def test_within_a_body(self):
        def act(server):
            server.say(b"HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nhalf")
            reactor.callLater(0.05, server.transport.abortConnection)

        error = await self.assertFails(InvalidStatus, act, "HTTP 500")
        self.assertEqual(error.response.body, b"half")


class SilenceThroughProxyTests(ThroughProxy, SilenceTests):
    pass


class GarbageThroughProxyTests(ThroughProxy, GarbageTests):
    pass


class WrongAnswerThroughProxyTests(ThroughProxy, WrongAnswerTests):
    pass


class RedirectThroughProxyTests(ThroughProxy, RedirectTests):
    """Attack 20."""

    nobody = InvalidProxyStatus


class ResetThroughProxyTests(ThroughProxy, ResetTests):
    """Attack 21."""


class NobodyTests(HostileTestCase):
    async def test_a_port_that_refuses(self):
        port = free_port()
        with self.assertRaises(ConnectError) as caught:
            await txws2.connect(f"ws://127.0.0.1:{port}/")
        self.assertIn(f"127.0.0.1:{port}", str(caught.exception))

    async def test_a_name_that_there_is_not(self):
        with self.assertRaises(DNSLookupError) as caught:
            await txws2.connect("ws://nowhere.invalid/")
        self.assertIn("nowhere.invalid", str(caught.exception))


class HostileProxyTests(HostileTestCase):
    """Attack 20, too."""

    async def assertProxyFails(self, kind, act, words="", scheme="http", at_once=False, **options):
        options["proxy"] = f"{scheme}://{await self.listen(act, at_once)}"
        return await self.assertFailsAt("ws://example.com/", kind, words, **options)

    async def test_one_that_is_silent(self):
        for scheme in ("http", "https", "socks5h", "socks4a"):
            error = await self.assertProxyFails(OpeningTimeout, lambda server: None, scheme=scheme)
            self.assertIn(f"example.com through the proxy {scheme}://127.0.0.1:", error.stage)

    async def test_one_that_speaks_garbage(self):
        def act(server):
            server.say(b"\x00\xff" * 20_000)

        await self.assertProxyFails(ProxyError, act, "speaks no HTTP")
        await self.assertProxyFails(ProxyError, act, "isn't SOCKS 5", "socks5h", at_once=True)
        await self.assertProxyFails(ProxyError, act, "did not let us", "socks4a", at_once=True)
        await self.assertProxyFails(ProxyError, act, "TLS handshake", "https", at_once=True)

    async def test_one_that_wants_to_know_who_we_are(self):
        says = b"HTTP/1.1 407 Who?\r\nContent-Length: 2\r\n\r\n??"
        error = await self.assertProxyFails(
            InvalidProxyStatus, lambda server: server.say(says), "HTTP 407 Who?"
        )
        self.assertEqual(error.response.body, b"??")

    async def test_one_whose_refusal_never_ends(self):
        says = b"HTTP/1.1 407 Who?\r\n\r\nwho are"
        error = await self.assertProxyFails(
            InvalidProxyStatus, lambda server: server.say(says), "HTTP 407 Who?", open_timeout=SOON
        )
        self.assertEqual(error.response.body, b"who are")

    async def test_one_whose_refusal_goes_on_and_on(self):
        def act(server):
            server.say(b"HTTP/1.1 407 Who?\r\n\r\n")
            dripping = LoopingCall(lambda: server.say(b"?"))
            server.gone.addCallback(lambda _: dripping.stop())
            dripping.start(0.05)

        await self.assertProxyFails(InvalidProxyStatus, act, "HTTP 407 Who?", open_timeout=30)

    async def test_one_whose_interim_responses_never_end(self):
        """Attack 33."""

        def act(server):
            server.say(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)

        await self.assertProxyFails(ProxyError, act, "more than 16 interim responses")

    async def test_one_that_says_half_an_answer(self):
        for scheme, says, at_once in (
            ("http", b"HTTP/1.1 200 OK\r\nX: ", False),
            ("socks5h", b"\x05", True),
            ("socks4a", b"\x00\x5a\x00", True),
        ):

            def act(server, says=says):
                server.say(says)

            await self.assertProxyFails(OpeningTimeout, act, scheme=scheme, at_once=at_once)

    async def test_one_that_is_slow_by_the_byte(self):
        def act(server):
            rest = bytearray(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100)
            dripping = LoopingCall(lambda: server.say(bytes([rest.pop(0)])))
            server.gone.addCallback(lambda _: dripping.stop())
            dripping.start(0.05)

        await self.assertProxyFails(OpeningTimeout, act)

    async def test_one_whose_head_never_ends(self):
        def act(server):
            server.say(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000)

        await self.assertProxyFails(ProxyError, act, "more than 128 headers")

    async def test_one_that_hangs_up(self):
        def act(server):
            server.transport.abortConnection()

        for scheme in ("http", "https", "socks5h", "socks4a"):
            await self.assertProxyFails(ProxyError, act, scheme=scheme, at_once=True)

    async def test_one_that_is_not_there(self):
        self.factory = Factory()
        self.factory.connections = []
        proxy = f"http://127.0.0.1:{free_port()}"
        words = f"can't reach the proxy {proxy}: "
        await self.assertFailsAt("ws://example.com/", ProxyError, words, proxy=proxy)
