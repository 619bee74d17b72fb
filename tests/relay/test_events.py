"""Listening to Server-Sent Events, and the script for browsers."""

from twisted.internet.address import IPv4Address

from tests.relay.site import HTTPTestCase
from tests.support.sides import Joined, Peer, frames_in
from tests.support.website import plus


class EventsTests(HTTPTestCase):
    def listen(self, path="/chat/room/a", **headers):
        return self.request("GET", path, Accept="text/event-stream", **headers)

    def heard(self, both):
        """Return the rest of a stream, decoded from its chunks."""
        both.pump()
        data, text = both.client.take(), b""
        if data.startswith(b"HTTP"):
            head, _, data = data.partition(b"\r\n\r\n")
            self.head = head.decode()
        while data:
            size, _, data = data.partition(b"\r\n")
            text, data = text + data[: int(size, 16)], data[int(size, 16) + 2 :]
        return [each for each in text.decode().split("\n\n") if each]

    def test_a_listener_gets_the_history_and_then_the_live_messages(self):
        self.serve()
        epoch = self.publish("one").epoch
        both = self.listen()
        start = f"retry: 3000\nid: {epoch}:0"
        self.assertEqual(self.heard(both), [start, f"id: {epoch}:1\ndata: one"])
        self.assertIn("Content-Type: text/event-stream", self.head)
        self.assertNotIn("Access-Control", self.head)
        self.publish("two\nlines\r\nand\rmore\n")
        lines = f"id: {epoch}:2\ndata: two\ndata: lines\ndata: and\ndata: more\ndata: "
        self.assertEqual(self.heard(both), [lines])
        self.publish(b"\x00")
        self.assertEqual(self.heard(both), [f"id: {epoch}:3\nevent: base64\ndata: AA=="])
        both.drop()
        self.assertEqual((self.relay._rooms, self.clock.getDelayedCalls()), ({}, []))

    def test_a_listener_that_comes_back_resumes(self):
        self.serve()
        self.publish("one")
        epoch = self.publish("two").epoch
        for both in (
            self.listen(f"/chat/room/a?since={epoch}:1"),
            self.listen(Last_Event_ID=f"{epoch}:1"),
            self.listen("/chat/room/a?since=old:7", Last_Event_ID=f"{epoch}:1"),
        ):
            start = f"retry: 3000\nid: {epoch}:1"
            self.assertEqual(self.heard(both), [start, f"id: {epoch}:2\ndata: two"])
            both.drop()
        self.assertEqual(self.ask(path="/chat/room/a?since=x", Accept="text/event-stream")[0], 400)

    def test_a_gap_is_an_event(self):
        self.serve(history=1)
        epoch = self.publish("one").epoch
        both = self.listen(Last_Event_ID="old:7")
        gap = f'retry: 3000\nid: {epoch}:0\nevent: gap\ndata: {{"epoch": "{epoch}", "offset": 0}}'
        self.assertEqual(self.heard(both), [gap, f"id: {epoch}:1\ndata: one"])
        both.drop()

    def test_a_slow_listener_gets_all_from_the_history_or_is_told_of_a_gap(self):
        self.serve(history=20, history_bytes=10_000_000)
        both = self.listen()
        self.heard(both)
        both.client_transport.pauseProducing()
        for _ in range(20):
            self.publish("x" * 60_000)
        self.assertLess(both.server_transport.waiting, 500_000)
        both.client_transport.resumeProducing()
        self.assertEqual(len(self.heard(both)), 20)
        both.client_transport.pauseProducing()
        for _ in range(60):
            self.publish("x" * 60_000)
        both.client_transport.resumeProducing()
        heard = self.heard(both)
        gaps = [each for each in heard if "event: gap" in each]
        self.assertEqual(len(gaps), 1)
        self.assertEqual(len(heard) - heard.index(gaps[0]), 21)
        both.drop()

    def test_a_listener_that_reads_nothing_is_cut_after_a_minute(self):
        self.serve(history_bytes=10_000_000)
        both = self.listen()
        both.client_transport.pauseProducing()
        for _ in range(20):
            self.publish("x" * 60_000)
        both.advance(59)
        self.assertTrue(both.server_transport.connected)
        both.advance(2)
        self.assertFalse(both.server_transport.connected)
        self.assertEqual((self.relay._rooms, self.clock.getDelayedCalls()), ({}, []))

    def test_comments_keep_a_silent_stream_open(self):
        self.serve()
        both = self.listen()
        self.heard(both)
        both.advance(31)
        self.assertEqual(self.heard(both), [":", ":"])
        both.drop()

    def test_requests_that_do_not_ask_for_events_get_a_sentence(self):
        self.serve(max_streams=0)
        self.assertEqual(self.ask()[0], 406)
        self.assertIn("text/event-stream", self.ask(Accept="*/*")[2])
        self.assertEqual(self.ask(Accept="text/event-stream")[0], 503)
        status, head, body = self.ask("HEAD", Accept="text/event-stream")
        self.assertEqual((status, body), (200, ""))
        self.assertIn("text/event-stream", head)

    def test_a_listener_that_the_history_has_no_room_for_gets_a_503(self):
        self.serve(max_rooms=1)
        both = self.listen()
        self.assertEqual(self.ask(path="/chat/room/b", Accept="text/event-stream")[0], 503)
        both.drop()
        self.assertEqual(self.relay._rooms, {})

    def test_the_script_for_browsers_is_there(self):
        self.serve()
        status, head, body = self.ask(path="/chat/relay.js")
        self.assertEqual(status, 200)
        self.assertIn("text/javascript", head)
        self.assertIn("export class Relay", body)
        self.assertLessEqual(len(body.splitlines()), 100)

    def test_websockets_and_events_of_a_room_hear_the_same_on_one_port(self):
        self.serve()
        events = self.listen()
        peer = Peer()
        server = self.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50000))
        ws = Joined(server, peer, self.clock)
        peer.transport.write(plus().replace(b"/chat", b"/chat/room/a", 1))
        ws.pump()
        self.assertIn(b"101 Switching", peer.take())
        self.heard(events)
        self.post("hello")
        ws.pump()
        self.assertEqual(frames_in(peer.take()), [(1, b"hello")])
        self.assertTrue(self.heard(events)[0].endswith("data: hello"))
        ws.drop()
        events.drop()
