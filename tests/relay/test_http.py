"""A relay over HTTP: publishing with a token, and Server-Sent Events."""

import json
import os

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.support.sides import Joined, Peer, QuietTestCase, frames_in
from tests.support.website import plus
from txws2.relay import Relay


class HTTPTestCase(QuietTestCase):
    """Has a site with a relay at /chat, and clients of it that speak bytes."""

    def setUp(self):
        super().setUp()
        self.clock = MemoryReactorClock()
        self.tokens = self.mktemp()
        self.write_tokens("# publishers\nsecret\n\nother==\n")

    def write_tokens(self, text):
        with open(self.tokens, "w") as file:
            file.write(text)

    def serve(self, **options):
        options.setdefault("tokens", self.tokens)
        self.relay = Relay("/chat", reactor=self.clock, **options)
        root = Resource()
        root.putChild(b"chat", self.relay.resource())
        self.site = Site(root, reactor=self.clock)

    def request(self, method="GET", path="/chat/room/a", body="", **headers):
        """Send a request on a new connection; return both its ends."""
        peer = Peer()
        server = self.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50000))
        both = Joined(server, peer, self.clock)
        body = body if isinstance(body, bytes) else body.encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: example.com", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        peer.transport.write("\r\n".join([*lines, "", ""]).encode() + body)
        both.pump()
        return both

    def ask(self, *arguments, **headers):
        """Send a request; return the status, the head and the body of the response."""
        head, _, body = self.request(*arguments, **headers).client.take().partition(b"\r\n\r\n")
        return int(head.split()[1]), head.decode(), body.decode()

    def post(self, body="hi", path="/chat/room/a", token="secret", **headers):
        return self.ask("POST", path, body, Authorization=f"Bearer {token}", **headers)

    def publish(self, data, room="a"):
        return self.successResultOf(self.relay.publish(room, data))


class PublishingTests(HTTPTestCase):
    def test_a_token_publishes_and_the_answer_is_the_position(self):
        self.serve()
        status, head, body = self.post("héllo")
        self.assertEqual(status, 200)
        self.assertIn("application/json", head)
        self.assertEqual(json.loads(body)["offset"], 1)
        self.assertEqual(json.loads(self.post(token="other==")[2])["offset"], 2)
        replay = self.successResultOf(self.relay._history.since("a", None, 9))
        self.assertEqual([each.data for each in replay.messages], ["héllo", "hi"])

    def test_each_refusal_has_a_status_and_a_sentence(self):
        self.serve(max_message=4)
        for status, answer in (
            (401, self.ask("POST", body="hi")),
            (401, self.ask("POST", body="hi", Authorization="Basic c2VjcmV0")),
            (403, self.post(token="secre")),
            (403, self.post(token="publishers")),
            (413, self.post("hello")),
            (413, self.post(b"\xff" * 5)),
            (400, self.post(path="/chat/room/%0a")),
            (400, self.post(path="/chat/room/%ff")),
            (404, self.post(path="/chat/room/a/b")),
            (404, self.post(path="/chat/room")),
            (404, self.post(path="/chat/")),
            (404, self.post(path="/chat/other")),
            (405, self.ask("PUT", body="hi")),
            (400, self.post(Idempotency_Key="x" * 65)),
        ):
            self.assertEqual(answer[0], status, answer)
            self.assertRegex(answer[2], r"^[A-Z].*\.\n$")
        self.assertIn('WWW-Authenticate: Bearer realm="relay"', self.ask("POST")[1])
        self.assertNotIn("Access-Control", self.post("hi")[1])

    def test_without_tokens_nobody_publishes(self):
        self.serve(tokens=None)
        self.assertEqual(self.post()[0], 403)

    def test_a_changed_file_of_tokens_is_read_again(self):
        self.serve()
        self.write_tokens("changed\n")
        os.utime(self.tokens, ns=(1, 1))
        self.assertEqual((self.post()[0], self.post(token="changed")[0]), (403, 200))

    def test_a_wrong_file_is_refused_without_showing_it(self):
        self.write_tokens("secret\npass word\n")
        refused = self.assertRaises(ValueError, self.serve)
        self.assertIn("line 2", str(refused))
        self.assertNotIn("pass", str(refused).replace(self.tokens, ""))

    def test_a_function_checks_tokens_and_its_exceptions_stay_here(self):
        async def check(token, room):
            return {"good": True, "bad": False}[token] and room == "a"

        self.serve(tokens=check)
        self.assertEqual(self.post(token="good")[0], 200)
        self.assertEqual(self.post(token="good", path="/chat/room/b")[0], 403)
        self.assertEqual(self.post(token="bad")[0], 403)
        status, _, body = self.post(token="ugly")
        self.assertEqual((status, "ugly" in body), (500, False))
        self.assertEqual(len(self.take_loud()), 1)

    def test_a_client_that_leaves_while_a_function_decides_needs_no_answer(self):
        decision = Deferred()
        self.serve(tokens=lambda token, room: decision)
        self.request("POST", body="hi", Authorization="Bearer x").drop()
        decision.callback(False)

    def test_a_message_with_the_same_key_is_not_doubled(self):
        self.serve()
        first, again = (json.loads(self.post(Idempotency_Key="k")[2]) for _ in range(2))
        self.assertEqual(first, again)

    def test_bytes_that_are_no_text_are_binary(self):
        self.serve()
        self.post(b"\xff")
        self.post(b"text", Content_Type="application/octet-stream")
        replay = self.successResultOf(self.relay._history.since("a", None, 9))
        self.assertEqual([each.data for each in replay.messages], [b"\xff", b"text"])


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
        self.assertEqual((self.relay._channels, self.clock.getDelayedCalls()), ({}, []))

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
        self.assertEqual((self.relay._channels, self.clock.getDelayedCalls()), ({}, []))

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
        self.assertEqual(self.relay._channels, {})

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
