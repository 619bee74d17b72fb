"""The counters of connections and factories."""

import dataclasses

from tests.support.sides import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    ClientSide,
    Peer,
    QuietTestCase,
    ServerSide,
    closing,
)
from txws2._connection.counters import ConnectionCounters, FactoryCounters
from txws2.client.protocol import WebSocketClientFactory
from txws2.server.factory import WebSocketServerFactory
from txws2.testing import Joined, joined
from txws2.wire.frames import CONT, Opcode

NONE = dict.fromkeys(Opcode, 0)


class ConnectionTests:
    """The counters of one connection, on either side."""

    def assertCounts(self, counters, **expected):
        for name, value in expected.items():
            if name.startswith("frames"):
                value = NONE | value
            self.assertEqual(getattr(counters, name), value, name)

    def test_before_it_is_open_there_is_nothing_but_time(self):
        self.connect()
        self.clock.advance(2)
        expected = dict.fromkeys((each.name for each in dataclasses.fields(ConnectionCounters)), 0)
        expected |= {"uptime": 2, "frames_in": NONE, "frames_out": NONE}
        self.assertEqual(dataclasses.asdict(self.ws.counters), expected)

    def test_traffic_is_counted_both_ways(self):
        ws = self.open()
        self.hear(
            (TEXT, b"hello"), (BINARY, b"\x00"), (PING, b""), (TEXT, b"a", False), (CONT, b"b")
        )
        ws.sendMessage("abc")
        ws.send(b"de")
        ws.ping()
        header = 2 if self.client else 6
        self.assertCounts(
            ws.counters,
            messages_in=3,
            payload_in=8,
            bytes_in=8 + 5 * header,
            frames_in={TEXT: 2, BINARY: 1, PING: 1, CONT: 1},
            messages_out=2,
            payload_out=5,
            bytes_out=len(b"abc" + b"de" + b"ping") + 4 * (8 - header),
            frames_out={TEXT: 1, BINARY: 1, PING: 1, PONG: 1},
        )

    def test_waiting_messages_and_bytes_are_counted(self):
        ws = self.open()
        self.hear((TEXT, b"hello"), (TEXT, b"hello"))
        self.assertCounts(ws.counters, waiting_in=2, waiting_out=0)
        self.successResultOf(ws.recv())
        self.peer.transport.pauseProducing()
        for _ in range(4):
            ws.sendMessage(b"x" * 50_000)
        counters = ws.counters
        self.assertCounts(counters, waiting_in=1, messages_out=4)
        self.assertGreater(counters.waiting_out, 50_000)
        self.joined.drop()
        self.assertCounts(ws.counters, waiting_in=1, waiting_out=0, messages_out=4)

    def test_the_latency_is_the_latest(self):
        ws = self.open()
        ws.ping(b"1")
        self.clock.advance(0.25)
        self.hear((PONG, b"1"))
        self.assertEqual(ws.counters.latency, 0.25)

    def test_they_stay_as_they_were_and_can_not_be_changed(self):
        ws = self.open()
        counters = ws.counters
        self.hear((TEXT, b"hello"))
        self.assertEqual((counters.messages_in, ws.counters.messages_in), (0, 1))
        with self.assertRaises(dataclasses.FrozenInstanceError):
            counters.messages_in = 1

    def test_when_it_is_closed_time_stands_still(self):
        ws = self.open()
        self.clock.advance(3)
        self.hear((CLOSE, closing(1000)))
        self.joined.drop()
        self.clock.advance(3)
        self.assertCounts(ws.counters, uptime=3, frames_in={CLOSE: 1}, frames_out={CLOSE: 1})


class ServerConnectionTests(ConnectionTests, ServerSide):
    pass


class ClientConnectionTests(ConnectionTests, ClientSide):
    pass


class FactoryTests(QuietTestCase):
    """The counters of all connections of a factory."""

    def setUp(self):
        super().setUp()
        self.factory = WebSocketServerFactory(reactor=self.clock)

    def enter(self, **options):
        return joined(self.factory, **options)

    def test_at_first_there_is_nothing(self):
        fields = [each.name for each in dataclasses.fields(FactoryCounters)]
        expected = dict.fromkeys(fields, 0)
        expected |= {"frames_in": NONE, "frames_out": NONE, "refused": {}, "closed": {}}
        self.assertEqual(dataclasses.asdict(self.factory.counters), expected)

    def test_those_that_are_closed_and_those_that_are_not_add_up(self):
        first, second = self.enter(), self.enter()
        for each in first, second:
            each.client.sendMessage("hello")
            each.server.sendMessage(b"abc")
            each.pump()
        before = self.factory.counters
        self.assertEqual((before.connections, before.opened), (2, 2))
        self.assertEqual((before.messages_in, before.payload_in), (2, 10))
        self.assertEqual((before.messages_out, before.payload_out), (2, 6))
        self.assertEqual((before.waiting_in, before.closed), (2, {}))
        first.drop()
        after = self.factory.counters
        self.assertEqual((after.connections, after.opened), (1, 2))
        self.assertEqual((after.waiting_in, after.closed), (1, {1006: 1}))
        for name in "messages_in", "messages_out", "bytes_in", "bytes_out", "frames_in":
            self.assertEqual(getattr(after, name), getattr(before, name))

    def test_the_code_is_that_of_the_close_frame_that_came_first(self):
        for ours, theirs in (3001, None), (None, 3002), (None, None), (3003, None):
            both = self.enter()
            if ours:
                both.server.close(ours)
            if theirs:
                both.client.close(theirs)
            both.pump()
            both.drop()
        unanswered = self.enter()
        unanswered.vanish()
        unanswered.server.close(3001)
        unanswered.advance(20)
        self.assertEqual(self.factory.counters.closed, {3001: 2, 3002: 1, 1006: 1, 3003: 1})

    def test_those_that_were_refused_are_counted_by_the_reason(self):
        def decide(connection, request):
            return connection.respond(403, "no") if request.path == "/no" else None

        self.factory = WebSocketServerFactory(
            reactor=self.clock, origins=["https://a.example"], process_request=decide
        )
        for options in (
            {"origin": "https://a.example"},
            {"origin": "https://b.example"},
            {"uri": "ws://example.com/no"},
            {"uri": "ws://example.com/no"},
        ):
            try:
                self.enter(**options)
            except Exception as exc:
                self.assertEqual(exc.response.status_code, 403)
        counters = self.factory.counters
        self.assertEqual((counters.opened, counters.connections), (1, 1))
        self.assertEqual(counters.refused, {"InvalidOrigin": 1, "InvalidStatus": 2})

    def test_one_that_is_not_open_yet_is_a_connection(self):
        connecting = self.factory.buildProtocol(None)
        Joined(connecting, Peer(), self.clock)
        counters = self.factory.counters
        self.assertEqual((counters.connections, counters.opened), (1, 0))
        self.assertEqual(counters.bytes_in, 0)

    def test_the_latency_is_the_mean_of_those_that_have_one(self):
        connections = [self.enter() for _ in range(3)]
        for seconds, each in zip((0.2, 0.4), connections, strict=False):
            each.server.ping()
            self.clock.advance(seconds)
            each.pump()
        self.assertAlmostEqual(self.factory.counters.latency, 0.3)

    def test_uptime_is_the_factory_s_own(self):
        self.clock.advance(5)
        both = self.enter()
        self.clock.advance(1)
        self.assertEqual(self.factory.counters.uptime, 6)
        self.assertEqual(both.server.counters.uptime, 1)

    def test_those_that_come_in_a_millisecond_share_its_time(self):
        both = self.enter()
        self.clock.advance(0.0005)
        other = self.enter()
        self.clock.advance(1)
        self.assertEqual(both.server.counters.uptime, other.server.counters.uptime)

    def test_a_client_s_factory_counts_too(self):
        factory = WebSocketClientFactory("ws://example.com/", reactor=self.clock)
        self.assertEqual(factory.counters.opened, 0)
        both = self.join()
        both.client.sendMessage("hello")
        self.assertEqual(both.client.factory.counters.messages_out, 1)
