"""A scripted server in memory works with the client's own code, and with an application's."""

import sys

import twisted.internet
from twisted.internet.defer import CancelledError, ensureDeferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import (
    ConnectError,
    ConnectionRefusedError,
    DNSLookupError,
    TimeoutError,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase, TestCase

import txws2
from txws2.testing import (
    Close,
    Delay,
    Drop,
    MemoryReactor,
    Opcode,
    Open,
    Refuse,
    ScriptedServer,
    Silence,
    Vanish,
)

URI = "ws://feed.example/prices"


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class ScriptTestCase(SynchronousTestCase):
    def setUp(self):
        self.server = ScriptedServer(echo)
        self.reactor = self.server.reactor

    def connect(self, uri=URI, **options):
        connecting = txws2.connect(uri, reactor=self.reactor, proxy=None, **options)
        self.server.pump()
        return connecting

    def failed(self, *steps, **options):
        """Return the exception of an attempt that meets these steps."""
        self.server.script(*steps)
        connecting = self.connect(**options)
        # Twisted's endpoint reports the failure only when it would try another address.
        self.server.advance(0.5)
        return self.failureResultOf(connecting).value


class ConnectTests(ScriptTestCase):
    def test_the_client_s_own_code_opens_a_connection(self):
        ws = self.successResultOf(self.connect())
        ws.sendMessage("hello")
        self.assertEqual(self.server.result_of(ws.recv()), "hello")
        self.assertEqual(ws.response.headers["Upgrade"], "websocket")
        self.assertEqual(ws.state, txws2.State.OPEN)

    def test_without_a_handler_the_test_is_the_server(self):
        server = ScriptedServer()
        ws = server.result_of(txws2.connect(URI, reactor=server.reactor, proxy=None))
        ws.sendMessage("hello")
        self.assertEqual(server.result_of(server.connection.server.recv()), "hello")
        server.connection.server.sendMessage("hi")
        self.assertEqual(server.result_of(ws.recv()), "hi")

    def test_frames_can_be_seen_and_fed_at_the_client(self):
        ws = self.successResultOf(self.connect())
        transport = self.server.connection.client_transport
        transport.feed(Opcode.PING, b"a")
        self.assertEqual([frame.payload for frame in transport.frames()], [b"a"])
        transport.feed(Opcode.TEXT, b"\xff")
        self.assertIn("invalid UTF-8", str(self.failureResultOf(ws.recv()).value))

    def test_an_attempt_may_be_refused(self):
        error = self.failed(Refuse(503, retry_after=30, headers={"X": "1"}, body="later"))
        self.assertIsInstance(error, txws2.InvalidStatus)
        response = error.response
        self.assertEqual((response.status_code, response.body), (503, b"later"))
        self.assertEqual((response.headers["Retry-After"], response.headers["X"]), ("30", "1"))

    def test_it_may_be_sent_elsewhere(self):
        self.server.script(Refuse(302, headers={"Location": "ws://other.example/b"}))
        self.successResultOf(self.connect())
        uris = [attempt.uri for attempt in self.server.attempts]
        self.assertEqual(uris, [URI, "ws://other.example/b"])

    def test_it_may_fail_as_tcp_does(self):
        for step in ConnectionRefusedError(), ConnectionRefusedError:
            self.assertIsInstance(self.failed(step), ConnectionRefusedError)

    def test_an_exception_in_a_script_is_left_as_it_is(self):
        refused = ConnectionRefusedError()
        self.server.otherwise = refused
        first, second = self.failed(), self.failed()
        self.assertEqual(str(first), str(second))
        self.assertEqual(refused.args, ConnectionRefusedError().args)

    def test_its_host_may_have_no_name(self):
        for step in DNSLookupError(), DNSLookupError, Delay(0, DNSLookupError()):
            self.assertIsInstance(self.failed(step), DNSLookupError)
        self.assertEqual(len(self.server.attempts), 3)

    def test_nobody_may_answer(self):
        for step in Silence(), Silence("lookup"), Silence("handshake"):
            self.server.script(step)
            connecting = self.connect(open_timeout=5)
            self.server.advance(4.5)
            self.assertNoResult(connecting)
            self.server.advance(0.5)
            self.failureResultOf(connecting, txws2.OpeningTimeout)
        self.assertEqual([attempt.time for attempt in self.server.attempts], [0, 5, 10])

    def test_it_may_take_its_time(self):
        for step, wanted in (Delay(3), None), (Delay(3, ConnectionRefusedError()), ConnectError):
            self.server.script(step)
            connecting = self.connect()
            self.server.advance(2)
            self.assertNoResult(connecting)
            self.server.advance(1)
            if wanted:
                self.failureResultOf(connecting, wanted)
            else:
                self.successResultOf(connecting)

    def test_a_connection_may_be_dropped(self):
        self.server.script(Drop(after=2))
        ws = self.successResultOf(self.connect())
        self.server.advance(1)
        self.assertEqual(ws.state, txws2.State.OPEN)
        self.server.advance(1)
        self.assertEqual(ws.close_code, 1006)

    def test_the_server_may_close_it(self):
        for code, reason in (1012, "restart"), (4004, ""):
            self.server.script(Close(code, reason))
            ws = self.successResultOf(self.connect())
            self.assertEqual((ws.close_code, ws.close_reason), (code, reason))

    def test_it_may_vanish_and_the_keepalive_finds_out(self):
        self.server.script(Vanish(after=1))
        ws = self.successResultOf(self.connect())
        self.server.advance(19)
        self.assertEqual(ws.state, txws2.State.OPEN)
        self.server.advance(40)
        self.assertIn("keepalive ping timeout", str(self.failureResultOf(ws.recv()).value))

    def test_one_connection_may_have_another_handler(self):
        async def greet(ws):
            await ws.send("hello")

        self.server.script(Open(greet))
        ws = self.successResultOf(self.connect())
        self.assertEqual(self.server.result_of(ws.recv()), "hello")
        self.assertEqual(ws.close_code, 1000)

    def test_cancelling_gives_the_attempt_up(self):
        for step in Silence(), Silence("lookup"), Silence("handshake"), Delay(5):
            self.server.script(step)
            connecting = self.connect()
            connecting.cancel()
            self.failureResultOf(connecting, CancelledError)
            self.server.advance(10)
        self.assertFalse(any(attempt.opened for attempt in self.server.attempts))
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class AskedTests(ScriptTestCase):
    def test_the_request_of_the_client_is_there(self):
        self.connect(
            "ws://me:secret@feed.example:8000/prices?of=tea",
            subprotocols=["b", "a"],
            additional_headers={"X-Token": "1"},
        )
        [attempt] = self.server.attempts
        self.assertEqual(attempt.uri, "ws://feed.example:8000/prices?of=tea")
        self.assertEqual(attempt.place, ("feed.example", 8000))
        self.assertEqual(attempt.subprotocols, ["b", "a"])
        self.assertEqual(attempt.credentials, ("me", "secret"))
        self.assertEqual(attempt.request.headers["X-Token"], "1")
        self.assertFalse(attempt.secure)
        self.assertTrue(attempt.opened)

    def test_an_attempt_that_failed_has_no_request(self):
        self.failed(ConnectionRefusedError())
        [attempt] = self.server.attempts
        self.assertEqual((attempt.request, attempt.connection, attempt.opened), (None, None, False))
        self.assertEqual((attempt.subprotocols, attempt.credentials), ([], None))
        self.assertEqual(attempt.uri, "ws://feed.example/")

    def test_an_attempt_that_has_found_no_address_has_a_uri(self):
        self.failed(DNSLookupError())
        self.assertEqual(self.server.attempts[0].uri, "ws://feed.example/")

    def test_an_attempt_that_an_address_or_a_unix_socket_has_refused_has_a_uri(self):
        self.server.script(ConnectionRefusedError(), ConnectionRefusedError())
        for connecting in (
            self.connect("ws://[2001:db8::1]:81/"),
            txws2.unix_connect("/run/chat.sock", reactor=self.reactor),
        ):
            self.server.advance(0.5)
            self.failureResultOf(connecting, ConnectionRefusedError)
        uris = [attempt.uri for attempt in self.server.attempts]
        self.assertEqual(uris, ["ws://[2001:db8::1]:81/", "ws://localhost/"])

    def test_tls_is_left_out_and_seen(self):
        self.successResultOf(self.connect("wss://feed.example/"))
        [attempt] = self.server.attempts
        self.assertTrue(attempt.secure)
        self.assertEqual(attempt.uri, "wss://feed.example/")

    def test_addresses_need_no_name(self):
        for host in "192.0.2.1", "[2001:db8::1]":
            self.successResultOf(self.connect(f"ws://{host}/"))
            self.assertEqual(self.server.attempts[-1].uri, f"ws://{host}/")

    def test_a_name_with_an_underscore_is_found(self):
        self.successResultOf(self.connect("ws://a_b/"))
        self.assertEqual(self.server.attempts[0].place, ("a_b", 80))

    def test_there_are_unix_sockets(self):
        connecting = txws2.unix_connect("/run/chat.sock", reactor=self.reactor)
        self.server.result_of(connecting)
        self.assertEqual(self.server.attempts[0].place, "/run/chat.sock")
        self.assertEqual(self.server.attempts[0].uri, "ws://localhost/")

    def test_options_of_a_server_hold(self):
        asked = []
        server = ScriptedServer(
            echo,
            reactor=self.reactor,
            at="ws://other.example/",
            subprotocols=["a"],
            process_request=lambda ws, request: asked.append(request.path),
        )
        self.reactor.servers.remove(self.server)
        ws = self.successResultOf(self.connect("ws://other.example/", subprotocols=["a"]))
        self.assertEqual((ws.subprotocol, asked), ("a", ["/"]))
        self.assertEqual(len(server.attempts), 1)

    def test_a_handler_s_own_hooks_are_asked(self):
        handler = txws2.guarded(echo, lambda ws, request: ws.respond(403, "no"))
        server = ScriptedServer(handler)
        connecting = txws2.connect(URI, reactor=server.reactor, proxy=None)
        server.pump()
        error = self.failureResultOf(connecting, txws2.InvalidStatus).value
        self.assertEqual(error.response.status_code, 403)


class SeveralServersTests(SynchronousTestCase):
    def test_each_is_where_it_says(self):
        reactor = MemoryReactor()
        first = ScriptedServer(at="ws://a.example/", reactor=reactor)
        second = ScriptedServer(at="ws://a.example:81/", reactor=reactor)
        socket = ScriptedServer(at="/run/chat.sock", reactor=reactor)
        for uri in "ws://a.example:81/x", "ws://a.example/y":
            reactor.result_of(txws2.connect(uri, reactor=reactor, proxy=None))
        reactor.result_of(txws2.unix_connect("/run/chat.sock", reactor=reactor))
        servers = first, second, socket
        uris = [[attempt.uri for attempt in server.attempts] for server in servers]
        wanted = [["ws://a.example/y"], ["ws://a.example:81/x"], ["ws://localhost/"]]
        self.assertEqual(uris, wanted)

    def test_an_unknown_server_fails_the_test(self):
        server = ScriptedServer(at="ws://a.example/")
        connecting = txws2.connect("ws://b.example/", reactor=server.reactor, proxy=None)
        server.advance(0.5)
        error = self.failureResultOf(connecting, AssertionError).value
        self.assertIn("no server in memory at ('b.example', 80)", str(error))


class LoopTests(SynchronousTestCase):
    def setUp(self):
        self.heard = []

    async def listen(self, **options):
        backoff = txws2.Backoff(initial=0, minimum=4)
        async for ws in txws2.connect(URI, proxy=None, backoff=backoff, **options):
            try:
                async for message in ws:
                    self.heard.append(message)
            except txws2.ConnectionClosed as closed:
                self.heard.append(str(closed))

    def test_an_application_comes_back_after_all_of_it(self):
        server = ScriptedServer(lambda ws: ws.send("hello").addCallback(lambda _: ws.wait_closed()))
        server.script(
            Refuse(503, retry_after=30), ConnectionRefusedError(), DNSLookupError(), Silence()
        )
        server.script(Drop(after=1), Close(4004, "gone"), Vanish(after=1))
        with server:
            listening = server.start(self.listen())
            server.advance(29)
            self.assertEqual(len(server.attempts), 1)
            server.advance(1)
            self.assertEqual(len(server.attempts), 2)
            server.advance(200)
            self.assertNoResult(listening)
            listening.cancel()
            self.failureResultOf(listening, CancelledError)
        self.assertEqual(self.heard[0], "hello")
        self.assertEqual(self.heard[1], "no close frame received or sent")
        self.assertEqual(
            self.heard[2:4],
            ["hello", "received 4004 (private use) gone; then sent 4004 (private use) gone"],
        )
        self.assertIn("keepalive ping timeout", self.heard[5])
        self.assertEqual(self.heard[6:], ["hello"])
        self.assertEqual(len(server.attempts), 8)

    def test_a_permanent_error_ends_it(self):
        with ScriptedServer(otherwise=Refuse(401)) as server:
            listening = server.start(self.listen())
        self.failureResultOf(listening, txws2.InvalidStatus)


class ServiceTests(SynchronousTestCase):
    def test_the_service_runs_against_it(self):
        server = ScriptedServer(echo).script(ConnectionRefusedError(), Close(1012))
        heard, states = [], []
        service = txws2.WebSocketClientService(
            URI,
            heard.append,
            on_connect=lambda ws: ws.send("subscribe"),
            on_state_change=lambda state: states.append(state.name),
            backoff=txws2.Backoff(initial=1, random=lambda: 1),
            reactor=server.reactor,
            proxy=None,
        )
        service.startService()
        server.advance(10)
        self.assertEqual(len(server.attempts), 3)
        self.assertEqual(heard[-1], "subscribe")
        self.assertEqual(states[:3], ["CONNECTING", "BACKING_OFF", "CONNECTING"])
        server.connection.drop()
        server.advance(0)
        self.assertEqual(len(server.attempts), 4)
        server.result_of(service.stopService())
        self.assertEqual(server.connection.server.close_code, 1001)


class GlobalReactorTests(TestCase):
    def global_reactor(self):
        from twisted.internet import reactor

        return reactor

    def test_it_stands_in_for_the_global_reactor_and_puts_that_back(self):
        real = self.global_reactor()
        server = ScriptedServer()
        with server:
            self.assertIs(self.global_reactor(), server.reactor)
            self.assertIs(sys.modules["twisted.internet.reactor"], server.reactor)
            with MemoryReactor() as inner:
                self.assertIs(self.global_reactor(), inner)
            self.assertIs(self.global_reactor(), server.reactor)
        self.assertIs(self.global_reactor(), real)

    def test_it_is_put_back_after_an_exception(self):
        real = self.global_reactor()
        with self.assertRaises(KeyError), ScriptedServer():
            raise KeyError
        self.assertIs(self.global_reactor(), real)

    def test_without_a_reactor_before_there_is_none_again(self):
        server = ScriptedServer()
        module = sys.modules.pop("twisted.internet.reactor")
        attribute = twisted.internet.__dict__.pop("reactor")
        try:
            with server:
                pass
            self.assertNotIn("twisted.internet.reactor", sys.modules)
            self.assertFalse(hasattr(twisted.internet, "reactor"))
        finally:
            sys.modules["twisted.internet.reactor"] = module
            twisted.internet.reactor = attribute

    async def test_a_whole_test_of_trial_may_stand_on_it(self):
        server = self.enterContext(ScriptedServer(echo))
        connecting = txws2.connect(URI, proxy=None)
        server.pump()
        ws = await connecting
        ws.sendMessage("hello")
        receiving = ws.recv()
        server.pump()
        self.assertEqual(await receiving, "hello")


class OverlookedTests(SynchronousTestCase):
    async def failing(self, ws):
        raise KeyError("x")

    def open(self, server):
        return server.result_of(txws2.connect(URI, reactor=server.reactor, proxy=None))

    def test_steps_that_nothing_has_met_fail_the_test(self):
        server = ScriptedServer().script(Drop(after=1))
        with self.assertRaisesRegex(AssertionError, "no attempt has met: Drop.after=1"), server:
            pass

    def test_they_are_a_note_on_what_failed_it(self):
        with self.assertRaises(KeyError) as caught, ScriptedServer().script(Open()):
            raise KeyError
        self.assertIn("no attempt has met", caught.exception.__notes__[0])

    def test_an_exception_of_a_handler_fails_the_test(self):
        with self.assertRaises(KeyError), ScriptedServer(self.failing) as server:
            self.open(server)
        self.flushLoggedErrors(KeyError)

    def test_it_is_a_note_on_what_failed_it(self):
        server = ScriptedServer(self.failing)
        with self.assertRaises(ZeroDivisionError) as caught, server:
            self.open(server)
            raise ZeroDivisionError
        self.assertIn("KeyError", caught.exception.__notes__[0])
        self.flushLoggedErrors(KeyError)

    def test_a_test_may_expect_it(self):
        with ScriptedServer(self.failing) as server:
            self.open(server)
            [failure] = server.take_failures()
        self.assertIsInstance(failure, KeyError)
        self.flushLoggedErrors(KeyError)

    def test_there_is_no_connection_before_one_was_opened(self):
        server = ScriptedServer()
        error = self.assertRaises(AssertionError, getattr, server, "connection")
        self.assertIn("no connection was opened in 0 attempts", str(error))

    def test_a_test_that_never_comes_to_rest_fails(self):
        server = ScriptedServer(echo)
        ws = self.open(server)
        ws.messageReceived = ws.sendMessage
        ws.sendMessage("hello")
        self.patch(sys.modules["txws2.testing.network"], "_MOST_TURNS", 100)
        error = self.assertRaises(AssertionError, server.pump)
        self.assertIn("don't come to rest within 100 turns", str(error))


class ReactorTests(SynchronousTestCase):
    def test_any_endpoint_of_a_client_runs_on_it(self):
        server = ScriptedServer()
        endpoint = HostnameEndpoint(server.reactor, "feed.example", 80, timeout=5)
        connecting = endpoint.connect(Factory.forProtocol(Protocol))
        server.pump()
        protocol = self.successResultOf(connecting)
        protocol.transport.write(b"GET / HTTP/1.1\r\n\r\n")
        server.pump()
        self.assertFalse(server.attempts[0].opened)
        server.script(Silence())
        connecting = endpoint.connect(Factory.forProtocol(Protocol))
        server.advance(5)
        self.failureResultOf(connecting, TimeoutError)

    def test_it_is_a_clock(self):
        reactor, called = MemoryReactor(), []
        reactor.callLater(2.5, called.append, 1)
        reactor.pump([1, 1])
        self.assertEqual(called, [])
        reactor.advance(1)
        self.assertEqual((called, reactor.seconds()), ([1], 3))

    def test_a_name_has_one_address(self):
        reactor = MemoryReactor()
        self.assertEqual(reactor.address_of("a"), reactor.address_of("a"))
        self.assertNotEqual(reactor.address_of("a"), reactor.address_of("b"))

    def test_another_resolver_may_be_installed(self):
        reactor = MemoryReactor()
        before = reactor.nameResolver
        other = object()
        self.assertIs(reactor.installNameResolver(other), before)
        self.assertIs(reactor.nameResolver, other)

    def test_a_coroutine_may_be_started_and_go_on(self):
        server = ScriptedServer(echo)

        async def talk():
            async with txws2.connect(URI, reactor=server.reactor, proxy=None) as ws:
                await ws.send("hello")
                return await ws.recv()

        self.assertEqual(self.successResultOf(server.start(talk())), "hello")
        self.assertEqual(server.result_of(ensureDeferred(talk())), "hello")
