"""An application's class may have methods and attributes of any name except those of hooks."""

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import formatEvent

from tests.support.servers import Servers
from tests.support.sides import CLOSE, REQUEST, TEXT, URI, Peer, QuietTestCase, closing, frames_in
from tests.support.website import SiteTestCase
from txws2 import Rooms, basic_auth, broadcast, connect, route
from txws2._accelerator import PURE
from txws2._connection.ending import Ending
from txws2._connection.handshake import Agreement
from txws2._connection.inbox import Inbox
from txws2._connection.intake import Intake
from txws2._connection.protocol import WebSocketProtocol
from txws2._connection.read_pause import Reading
from txws2._transport.socket_writer import WriteThrough
from txws2.client.driver import ClientDriver
from txws2.client.handshake import ClientHandshake
from txws2.client.protocol import WebSocketClientFactory, WebSocketClientProtocol
from txws2.client.service import WebSocketClientService
from txws2.server.driver import ServerDriver
from txws2.server.factory import WebSocketServerFactory, WebSocketServerProtocol
from txws2.server.handshake import ServerHandshake
from txws2.server.server import Server
from txws2.testing import Joined, joined
from txws2.wire.connection import Connection
from txws2.wire.frames import encode_frame

# Twisted or txws2 calls, or sets, these by their documented names.
HOOKS = {
    "auth_type",
    "connectionLost",
    "connectionMade",
    "connectionOpened",
    "connected",
    "dataReceived",
    "factory",
    "logPrefix",
    "makeConnection",
    "messageReceived",
    "pingReceived",
    "pongReceived",
    "site_request",
    "subprotocol",
    "transport",
    "username",
    # Twisted calls these of a producer, or of a registered one.
    "pauseProducing",
    "resumeProducing",
    "stopProducing",
}

# These were names of ours once, or sound like them.
OTHERS = {
    "keepalive_heard",
    "answer",
    "refuse",
    "standing",
    "opening_missed",
    "closing_missed",
    "send_shared",
    "hang_up",
    "give_up",
    "keepalive_ping",
    "keepalive_failed",
    "keepalive_progress",
    "abort",
    "counted",
    "fail",
    "finish",
    "join",
    "leave",
    "name",
    "peer",
    "start",
    "stop",
    "wrap",
}

PUBLIC = {
    name
    for protocol in (WebSocketServerProtocol, WebSocketClientProtocol)
    for name in dir(protocol)
    if not name.startswith("_")
}

# Names that once were private ones of ours in the class that applications subclass.
FORMER = """
    _accept _acceptance _agree _answer _application_failed _arriving _ask _await
    _begin_closing _begin_opening _begin_succession _behind_proxy _body _break_off _busy
    _call _cancel_hooks _check_thread _choose _client _close_after_failure _closed_waiters
    _closing_again _closing_missed _closing_progress _connect _connection _cookies _count
    _deadlines _deaf _deafen _decide _decided _deciding _deflate _deliver _deliver_later
    _deliver_undelivered _end_with _ended _ending _expect _expect_body _expect_the_end
    _extensions _fail _fail_opening _fail_to_iterate _find_answer _follow _get_part _give_in
    _give_up _give_up_closing _go_ahead _go_on _gone_waiters _handler_done _handler_failed
    _hang_up _has_hook _has_hung_up _held_reads _hold _hook_failed _hook_returned
    _hooks_call _id _inbox _internal_error _is_elsewhere _judge _keep_thread
    _keepalive_failed _keepalive_payload _keepalive_ping _keepalive_progress _known_request
    _lasted _late _leave _log_failure _lost_while_opening _message_arrives _message_failed
    _more_lines _need_inbox _need_pings _need_reading _never_connect _never_opened
    _not_decided _open _open_up _opened_waiters _opening_missed _opening_raised _outbox
    _part _parting _parting_missed _peer_address _pings _progress _propose _pushes _react
    _read_no_more_than _reader _reading _reason_of _receive _receive_body _receive_head
    _receive_opening _refuse _refused _release _request _response _resumed _run_handler
    _send_generally _send_in_turn _send_ordinary _send_otherwise _send_shared _set_deadline
    _settle _settled _shut _standing _start_closing _stop_deciding _stop_waiting _succession
    _tell _tell_lost _thread _told_waiters _trace _tracer _transport _transport_closed
    _transport_lost _turn_away _turn_down _turns _undelivered _undelivered_size _upgrade
    _verdict _wait_gone _wait_told _waiting _was_adopted _when_not_open _write
"""

# Classes that have private names: whatever stands behind that class.
BEHIND = [
    ServerDriver,
    ClientDriver,
    ServerHandshake,
    ClientHandshake,
    Agreement,
    Ending,
    Inbox,
    Intake,
    Reading,
    WriteThrough,
    Connection,
    *(each for each in PURE.values() if isinstance(each, type)),
]

# Each that there is or was, and the names that Python gives to a slot of two underscores.
PRIVATE = set(FORMER.split()) | {
    name
    for kind in (WebSocketServerProtocol, WebSocketClientProtocol, *BEHIND)
    for name in (*dir(kind), *vars(kind).get("__annotations__", ()))
    if not name.startswith("__")
    for name in (name, f"_{name.lstrip('_')}", f"_{kind.__name__}__{name.lstrip('_')}")
    if name not in PUBLIC | HOOKS
}

ALL_PRIVATE = "all private names"

NAMES = [*sorted((PUBLIC | OTHERS) - HOOKS), ALL_PRIVATE]


class Taken(Exception):
    """The exception of an application's method, if anything else calls it."""


def taking(kind, name):
    """Generate subclasses that use a name: as a method, and as an attribute."""

    def method(self, only_the_application_knows_its_arguments):
        raise Taken(name)

    if name == ALL_PRIVATE:
        yield taking_all(kind)
        return
    yield type("Method", (kind,), {name: method})
    yield type("Attribute", (kind,), {name: "the application's"})


def taking_all(kind):
    """Return a subclass that has taken all private names, and takes them again in each hook."""

    class Greedy(kind):
        def __init__(self):
            self.take()

        def take(self):
            for name in PRIVATE:
                setattr(self, name, "the application's")

        def connectionMade(self):
            self.take()
            super().connectionMade()

        def connectionOpened(self):
            self.take()
            super().connectionOpened()

        def messageReceived(self, message):
            self.take()
            super().messageReceived(message)

        def connectionLost(self, reason):
            self.take()
            super().connectionLost(reason)

    for name in PRIVATE:
        setattr(Greedy, name, Taken)
    return Greedy


class Recorded:
    """Keeps its messages and ends, by names that no test uses."""

    def connectionMade(self):
        self.heard_messages, self.heard_lost = [], []

    def messageReceived(self, message):
        self.heard_messages.append(message)

    def connectionLost(self, reason):
        self.heard_lost.append(reason.value)


class RecordedServer(Recorded, WebSocketServerProtocol):
    pass


class RecordedClient(Recorded, WebSocketClientProtocol):
    pass


class ServerTests(QuietTestCase):
    def each(self, **options):
        """Generate a factory for each used name."""
        for name in NAMES:
            for kind in taking(RecordedServer, name):
                self.name = f"{name} as {kind.__name__}"
                yield WebSocketServerFactory(create_protocol=kind, reactor=self.clock, **options)

    def open(self, factory, request=REQUEST):
        self.peer, self.ws = Peer(), factory.buildProtocol(None)
        self.joined = Joined(self.ws, self.peer, self.clock)
        self.receive(request)
        return self.peer.take()

    def receive(self, data):
        self.peer.transport.write(data)
        self.joined.pump()

    def said(self):
        self.joined.pump()
        return frames_in(self.peer.take())

    def test_messages_and_counters(self):
        for factory in self.each(log_connections=True, debug=True):
            self.assertIn(b" 101 ", self.open(factory), self.name)
            self.receive(encode_frame(TEXT, b"hello", masked=True))
            self.assertEqual(self.ws.heard_messages, ["hello"], self.name)
            self.assertEqual(broadcast([self.ws], "to all"), 1, self.name)
            self.assertEqual(broadcast([self.ws], "to all", compress=True), 1, self.name)
            self.assertEqual(self.said(), [(TEXT, b"to all")] * 2, self.name)
            self.assertEqual(factory.counters.messages_in, 1, self.name)
            self.receive(encode_frame(CLOSE, closing(1000), masked=True))
            self.joined.drop()
            self.assertEqual(len(self.ws.heard_lost), 1, self.name)
            ids = {event["connection"] for event in self.events}
            self.assertEqual(len(ids), 1, self.name)
            self.assertTrue(any("closed after" in formatEvent(each) for each in self.events))
            self.events.clear()

    def test_a_server_that_closes(self):
        for factory in self.each():
            server = Server(factory, ())
            self.open(factory)
            ws, peer, both = self.ws, self.peer, self.joined
            self.open(factory, b"GET")
            self.assertEqual(server.connections, {ws}, self.name)
            closed = server.close()
            both.pump()
            self.assertEqual(frames_in(peer.take()), [(CLOSE, closing(1001))], self.name)
            self.joined.pump()
            self.assertIn(b" 503 ", self.peer.take(), self.name)
            for each in peer, self.peer:
                each.transport.loseConnection()
            for each in both, self.joined:
                each.pump()
            self.successResultOf(closed)

    def test_timeouts_and_the_keepalive(self):
        for factory in self.each():
            self.open(factory)
            self.joined.vanish()
            self.joined.advance(60)
            self.assertEqual(len(self.ws.heard_lost), 1, self.name)
            self.open(factory, b"GET")
            self.joined.advance(10)
            self.assertIn(b" 408 ", self.peer.take(), self.name)
            self.joined.advance(10)
            self.assertEqual(factory.connections, set(), self.name)

    def test_a_peer_that_breaks_the_protocol(self):
        for factory in self.each():
            self.open(factory)
            self.receive(encode_frame(TEXT, b"hello", masked=False))
            self.assertEqual(len(self.ws.heard_lost), 1, self.name)
            self.joined.advance(10)
            self.assertEqual(factory.connections, set(), self.name)

    def test_handlers_that_return_and_raise(self):
        async def handler(ws):
            await turn
            raise fails.pop() if fails else StopAsyncIteration

        async def quiet(ws):
            await turn

        for handles, code, loud in ((handler, 1011, 1), (quiet, 1000, 0)):
            for factory in self.each(handler=handles, log_connections=True):
                turn, fails = Deferred(), [ValueError()]
                self.open(factory)
                turn.callback(None)
                self.assertEqual(self.said(), [(CLOSE, closing(code))], self.name)
                self.joined.drop()
                self.assertEqual(len(self.take_loud()), loud, self.name)
                self.assertEqual(factory.running, set(), self.name)

    def test_hooks_routes_and_passwords(self):
        ask = basic_auth("chat", credentials=("me", "secret"))

        async def handler(ws, room):
            seen.append(room)

        for refusing in ask, lambda *_: 1 // 0:
            for factory in self.each(process_request=refusing, log_connections=True):
                status = b" 401 " if refusing is ask else b" 500 "
                self.assertIn(status, self.open(factory), self.name)
                self.joined.drop()
                self.assertEqual(len(self.ws.heard_lost), 1, self.name)
                self.take_loud()
        for factory in self.each(
            handler=route({"/{room}": handler}), process_response=lambda *_: None
        ):
            seen = []
            self.open(factory)
            self.assertEqual(seen, ["chat"], self.name)
            self.joined.drop()

    def test_origins_and_limits(self):
        for factory in self.each(origins=["https://a.example"], log_connections=True):
            request = REQUEST[:-2] + b"Origin: https://evil.example\r\n\r\n"
            self.assertIn(b" 403 ", self.open(factory, request), self.name)
            self.joined.drop()

    def test_rooms(self):
        for factory in self.each():
            rooms = Rooms()
            self.open(factory)
            rooms.join("a", self.ws, "me")
            [here] = self.successResultOf(rooms.here("a"))
            self.assertEqual(here.info, "me", self.name)
            self.joined.drop()
            self.assertEqual(self.successResultOf(rooms.names()), [], self.name)

    def test_the_tools_of_tests(self):
        for name in NAMES:
            for kind in taking(RecordedServer, name):
                with joined(server=kind, clock=self.clock) as both:
                    both.client.sendMessage("hello")
                    both.pump()
                    self.assertEqual(both.server.heard_messages, ["hello"], name)
                self.assertEqual(len(both.server.heard_lost), 1, name)


class ResourceTests(SiteTestCase):
    def each(self, **options):
        for name in NAMES:
            for kind in taking(RecordedServer, name):
                self.name = f"{name} as {kind.__name__}"
                made = []
                resource = self.serve(
                    create_protocol=lambda kind=kind, made=made: made.append(kind()) or made[-1],
                    log_connections=True,
                    **options,
                )
                yield resource, made

    def test_it_opens_and_closes(self):
        for resource, made in self.each():
            self.open()
            self.hear((TEXT, b"hello"))
            self.assertEqual(made[0].heard_messages, ["hello"], self.name)
            closed = resource.close()
            self.assertEqual(self.said(), [(CLOSE, closing(1001))], self.name)
            self.leave()
            self.successResultOf(closed)
            self.assertEqual(len(made[0].heard_lost), 1, self.name)

    def test_it_refuses(self):
        for _, made in self.each(process_request=lambda *_: self.response):
            self.response = WebSocketServerProtocol().respond(403, "no")
            self.assertStatus("403 Forbidden", REQUEST)
            self.assertEqual(len(made[0].heard_lost), 1, self.name)


class ClientTests(QuietTestCase):
    def each(self):
        for name in NAMES:
            for kind in taking(RecordedClient, name):
                self.name = f"{name} as {kind.__name__}"
                yield kind

    def test_it_connects_and_leaves(self):
        async def talk(kind):
            connecting = connect(URI, create_protocol=kind, endpoint=servers, reactor=self.clock)
            async with connecting as ws:
                talked.append(ws)
                await turn

        for kind in self.each():
            servers, talked, turn = Servers(self.clock), [], Deferred()
            talking = Deferred.fromCoroutine(talk(kind))
            servers.open()
            self.assertEqual(len(talked), 1, self.name)
            turn.callback(None)
            self.assertEqual(servers.heard(), [(CLOSE, closing(1000))], self.name)
            servers.close()
            self.successResultOf(talking)

    def test_it_gives_up(self):
        for kind in self.each():
            servers = Servers(self.clock)
            connecting = connect(URI, create_protocol=kind, endpoint=servers, reactor=self.clock)
            servers.accept()
            self.clock.advance(10)
            self.failureResultOf(connecting, TimeoutError)
            connecting = connect(URI, create_protocol=kind, endpoint=servers, reactor=self.clock)
            servers.refuse()
            self.failureResultOf(connecting)

    def test_a_service(self):
        for kind in self.each():
            servers = Servers(self.clock)
            service = WebSocketClientService(
                URI, max_waiting=1, create_protocol=kind, endpoint=servers, reactor=self.clock
            )
            service.startService()
            service.send("first")
            servers.open()
            service.send("second")
            self.assertEqual(servers.heard(), [(TEXT, b"first"), (TEXT, b"second")], self.name)
            stopped = service.stopService()
            self.assertEqual(servers.heard(), [(CLOSE, closing(1001))], self.name)
            servers.close(1001)
            self.successResultOf(stopped)

    def test_the_keepalive(self):
        for kind in self.each():
            factory = WebSocketClientFactory(URI, create_protocol=kind, reactor=self.clock)
            ws = factory.buildProtocol(None)
            servers = WebSocketServerFactory(ping_interval=None, reactor=self.clock)
            both = Joined(servers.buildProtocol(None), ws, self.clock)
            self.successResultOf(both.pump() or WebSocketProtocol.wait_opened(ws))
            both.vanish()
            both.advance(60)
            self.assertEqual(len(ws.heard_lost), 1, self.name)


class StoppingTests(SiteTestCase):
    def test_the_reactor_that_stops(self):
        for name in NAMES:
            for kind in taking(RecordedServer, name):
                self.clock = MemoryReactorClock()
                self.serve(create_protocol=kind)
                self.open()
                [(shut_down, *_)] = self.clock.triggers["before"]["shutdown"]
                stopped = shut_down()
                self.joined.advance(0.001)
                self.assertEqual(self.said(), [(CLOSE, closing(1001))], name)
                self.leave()
                self.successResultOf(stopped)


class PrivateTests(QuietTestCase):
    """Names that begin with an underscore are all the application's."""

    def test_the_classes_that_are_subclassed_have_none(self):
        for kind in WebSocketServerProtocol, WebSocketClientProtocol:
            private = {name for name in dir(kind) if name.startswith("_")}
            # Those that zope.interface adds, and those of Python's own data model.
            private -= {name for name in private if name.startswith("__")}
            self.assertEqual(private, set())

    def test_a_connected_instance_has_none(self):
        with joined(server=RecordedServer, clock=self.clock) as both:
            both.client.sendMessage("hello")
            both.pump()
            for ws in (both.server, both.client):
                self.assertEqual({name for name in vars(ws) if name.startswith("_")}, set())

    def test_with_all_of_them_taken_messages_go_both_ways(self):
        """In push and in pull style, whole, compressed and in fragments, paused and closed."""
        server, client = taking_all(RecordedServer), taking_all(WebSocketClientProtocol)
        for compression in ("deflate", None):
            with joined(
                server=server, client=client, clock=self.clock, compression=compression
            ) as both:
                both.client.sendMessage("a" * 2000)
                both.client.send(["b", "c"])
                both.server.sendMessage(b"d")
                both.pump()
                self.assertEqual(both.server.heard_messages, ["a" * 2000, "bc"])
                both.server.pauseProducing()
                both.client.sendMessage("e")
                self.assertEqual(both.result_of(both.client.recv()), b"d")
                both.server.resumeProducing()
                both.pump()
                self.assertEqual(both.server.heard_messages[2:], ["e"])
                self.assertIsInstance(both.result_of(both.client.ping()), float)
                both.result_of(both.client.close(4000, "enough"))
            self.assertEqual(both.server.close_code, 4000)
            self.assertEqual(len(both.server.heard_lost), 1)

    def test_with_all_of_them_taken_a_handler_iterates(self):
        async def handler(ws):
            async for message in ws:
                await ws.send(message)

        for server in taking_all(WebSocketServerProtocol), WebSocketServerProtocol:
            with joined(
                handler, server=server, client=taking_all(RecordedClient), clock=self.clock
            ) as both:
                for message in "ab":
                    both.client.sendMessage(message)
                    both.pump()
                self.assertEqual(both.client.heard_messages, ["a", "b"])
