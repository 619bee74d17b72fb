"""The counters in the form of Prometheus."""

from threading import Thread

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.sides import QuietTestCase
from txws2 import InvalidStatus, metrics
from txws2.metrics import WebSocketCollector
from txws2.server.factory import WebSocketServerFactory
from txws2.server.server import Server
from txws2.testing import joined


class MetricsTests(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.factory = WebSocketServerFactory(reactor=self.clock, origins=[None])
        self.sources = {"chat": self.factory}
        self.registry = CollectorRegistry()
        self.collector = WebSocketCollector(self.sources, self.clock)
        self.registry.register(self.collector)

    def value(self, name, factory="chat", **labels):
        return self.registry.get_sample_value(f"txws2_{name}", {"factory": factory, **labels})

    def test_traffic_is_counted(self):
        both = joined(self.factory, compression=None)
        both.client.sendMessage("hello")
        both.server.sendMessage(b"abc")
        both.pump()
        for name, expected in {
            "connections": 1,
            "connections_opened_total": 1,
            "messages_received_total": 1,
            "messages_sent_total": 1,
            "received_bytes_total": 11,
            "sent_bytes_total": 5,
            "received_payload_bytes_total": 5,
            "sent_payload_bytes_total": 3,
            "messages_waiting": 1,
            "waiting_bytes": 0,
            "latency_seconds": 0,
            "uptime_seconds": 0,
        }.items():
            self.assertEqual(self.value(name), expected, name)
        self.assertEqual(self.value("frames_received_total", opcode="text"), 1)
        self.assertEqual(self.value("frames_sent_total", opcode="binary"), 1)
        self.assertEqual(self.value("frames_sent_total", opcode="ping"), 0)

    def test_time_and_latency_are_in_seconds(self):
        both = joined(self.factory)
        both.server.ping()
        self.clock.advance(0.25)
        both.pump()
        self.assertEqual(self.value("latency_seconds"), 0.25)
        self.assertEqual(self.value("uptime_seconds"), 0.25)

    def test_codes_that_a_peer_may_choose_are_put_together(self):
        for code in 1000, 1000, 1011, 3000, 3999, 4001:
            both = joined(self.factory)
            both.client.close(code)
            both.pump()
        found = {code: self.value("connections_closed_total", code=code) for code in self.codes()}
        self.assertEqual(found, {"1000": 2, "1011": 1, "3xxx": 2, "4xxx": 1})

    def codes(self):
        [family] = [
            each for each in self.registry.collect() if each.name == "txws2_connections_closed"
        ]
        return [sample.labels["code"] for sample in family.samples]

    def test_handshakes_that_fail_have_their_reason(self):
        evil = {"origin": "https://evil.example"}
        self.assertRaises(InvalidStatus, joined, self.factory, **evil)
        self.assertEqual(self.value("handshakes_failed_total", reason="InvalidOrigin"), 1)

    def test_requests_that_the_application_answers_did_not_fail(self):
        factory = WebSocketServerFactory(
            reactor=self.clock, process_request=lambda ws, _: ws.respond(200, "up")
        )
        self.sources["chat"] = factory
        self.assertRaises(InvalidStatus, joined, factory)
        self.assertEqual(self.value("requests_answered_total"), 1)
        self.assertIsNone(self.value("handshakes_failed_total", reason="InvalidStatus"))

    def test_there_may_be_several_and_a_server_is_one(self):
        self.sources["feed"] = Server(WebSocketServerFactory(reactor=self.clock), [])
        joined(self.factory)
        self.assertEqual(self.value("connections"), 1)
        self.assertEqual(self.value("connections", factory="feed"), 0)

    def test_the_names_are_as_prometheus_wants_them(self):
        joined(self.factory).client.close()
        text = generate_latest(self.registry).decode()
        families = list(text_string_to_metric_families(text))
        self.assertGreater(len(families), 12)
        for family in families:
            self.assertTrue(family.name.startswith("txws2_"))
            self.assertTrue(family.documentation)
            if family.type == "counter":
                for sample in family.samples:
                    self.assertTrue(sample.name.endswith("_total"))
            else:
                self.assertEqual(family.type, "gauge")

    def test_the_same_is_described_as_is_collected(self):
        names = [
            [each.name for each in way()]
            for way in (self.collector.describe, self.collector.collect)
        ]
        self.assertEqual(*names)
        self.assertEqual(len(set(names[0])), len(names[0]))

    def test_without_a_reactor_it_is_the_global_one(self):
        from twisted.internet import reactor

        self.assertIs(WebSocketCollector({})._reactor, reactor)


class ThreadTests(QuietTestCase):
    """WSGI, so also MetricsResource, calls the collector in a thread of its own."""

    def setUp(self):
        super().setUp()
        self.calls = []
        self.clock.running = True
        self.clock.callFromThread = self.call
        factory = WebSocketServerFactory(reactor=self.clock)
        self.collector = WebSocketCollector({"chat": factory}, self.clock)

    def call(self, function):
        self.calls.append(function)
        function()

    def collect_in_a_thread(self):
        self.found = []
        thread = Thread(target=lambda: self.found.extend(self.collector.collect()))
        thread.start()
        thread.join()

    def test_the_counters_are_read_in_the_thread_of_the_reactor(self):
        self.collect_in_a_thread()
        self.assertEqual(len(self.calls), 1)
        self.assertGreater(len(self.found), 12)

    def test_in_that_one_it_is_read_at_once(self):
        self.patch(metrics, "isInIOThread", lambda: True)
        self.assertGreater(len(list(self.collector.collect())), 12)
        self.assertEqual(self.calls, [])

    def test_a_reactor_that_does_not_answer_is_not_waited_for_for_ever(self):
        self.patch(metrics, "_PATIENCE", 0)
        self.patch(metrics, "isInIOThread", lambda: False)
        self.clock.callFromThread = self.calls.append
        self.assertRaises(TimeoutError, list, self.collector.collect())
