"""The resource of a relay: its WebSockets, and its options."""

from twisted.web.resource import Resource

from tests.relay.site import HTTPTestCase
from tests.support.website import plus
from txws2 import Mounts, WebSocketServerFactory
from txws2.relay import Relay

UPGRADE = plus().replace(b"/chat", b"/chat/room/a", 1)


class ResourceTests(HTTPTestCase):
    def open(self, *lines):
        request = UPGRADE[:-2] + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
        return int(self.send_bytes(request).split()[1])

    def test_its_websockets_have_options(self):
        self.serve_resource(origins=["https://a.example"], max_connections=1)
        self.assertEqual(self.open(b"Origin: https://b.example"), 403)
        self.assertEqual(self.open(b"Origin: https://a.example"), 101)
        self.assertEqual(self.open(b"Origin: https://a.example"), 503)

    def test_its_websockets_may_be_those_of_a_factory(self):
        relay = Relay("/chat", reactor=self.clock)
        factory = WebSocketServerFactory(
            relay,
            subprotocols=relay.subprotocols,
            process_request=lambda connection, request: connection.respond(418, "no\n"),
            reactor=self.clock,
        )
        self.serve_resource(factory, relay=relay)
        self.assertEqual(self.open(), 418)
        self.assertEqual(len(factory.counters.refused), 1)

    def test_a_factory_and_options_are_refused(self):
        relay = Relay(reactor=self.clock)
        factory = WebSocketServerFactory(relay, reactor=self.clock)
        self.assertRaises(TypeError, relay.resource, factory, max_size=3)
        self.assertRaises(TypeError, relay.resource, speed=3)
        self.assertRaises(ValueError, relay.resource, max_size=-3)

    def test_a_server_that_stops_ends_the_events_and_waits_for_nobody(self):
        relay = Relay("/chat", reactor=self.clock)
        root = Resource()
        root.putChild(b"chat", relay.resource())
        self.site = Mounts({}, root, reactor=self.clock)
        self.site.doStart()
        listening = self.request(Accept="text/event-stream")
        self.successResultOf(relay.publish("a", "one"))
        (done,) = self.site.leave()
        listening.pump()
        self.successResultOf(done)
        self.assertIn(b"data: one", listening.client.take())
        self.assertFalse(listening.server_transport.connected)
        self.assertEqual(relay.room_numbers(), {})

    def test_so_does_it_for_events_that_are_asked_for_meanwhile(self):
        relay = Relay("/chat", reactor=self.clock)
        root = Resource()
        root.putChild(b"chat", relay.resource())
        self.site = Mounts({}, root, reactor=self.clock)
        self.site.doStart()
        first = b"GET /chat/ HTTP/1.1\r\nHost: x\r\n\r\n"
        late = self.send(first + b"GET /chat/room/a HTTP/1.1\r\nHost: x\r\n")
        (done,) = self.site.leave()
        late.client.transport.write(b"Accept: text/event-stream\r\n\r\n")
        late.pump()
        self.successResultOf(done)
        self.assertIn(b"200 OK", late.client.take())
        self.assertFalse(late.server_transport.connected)
        self.assertEqual(relay.room_numbers(), {})

    def test_an_upgrade_to_anything_else_is_passed_over(self):
        self.serve()
        upgrade = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c"}
        self.assertEqual(self.post(**upgrade)[0], 200)
        both = self.request(Accept="text/event-stream", **upgrade)
        self.assertIn(b"data: hi", both.client.take())
        both.drop()
        self.assertEqual(self.ask(path="/chat/", **upgrade)[0], 404)
