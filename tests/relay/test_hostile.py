"""Clients that mean harm: what they send reaches no other client, and fills no memory."""

import json

from tests.relay.rooms import RelayTestCase, message
from tests.relay.site import HTTPTestCase
from txws2.relay import forms


class MessagesTests(RelayTestCase):
    def test_numbers_that_json_does_not_have_reach_nobody(self):
        self.serve(presence=True)
        victim, both = self.enter("/room/a"), self.enter()
        self.heard(victim)
        for info, code in (
            ("NaN", "bad-json"),
            ("-Infinity", "bad-json"),
            ("1e999", "bad-message"),
            ('{"x":[-1e999]}', "bad-message"),
        ):
            (refused,) = self.ask(both, f'{{"type":"join","room":"a","info":{info}}}')
            self.assertEqual((refused["type"], refused["code"]), ("error", code), info)
        self.assertEqual(self.heard(victim), [])

    def test_values_of_any_depth_are_answered(self):
        self.serve(presence=True, publish_rate=None)
        both = self.enter()
        for depth in [*range(1, 1100, 23), *range(930, 1010), 20_000]:
            value = "[" * depth + "]" * depth
            (answer, *_) = self.ask(both, f'{{"type":"join","room":"a","info":{value}}}')
            if answer["type"] == "joined":
                self.say(both, {"type": "leave", "room": "a"})
                self.heard(both)
            else:
                self.assertIn(answer["code"], ("bad-json", "bad-message"), depth)
        self.assertIsNone(both.client.close_code)

    def test_an_epoch_of_another_room_is_a_gap(self):
        self.serve()
        self.publish("one")
        self.publish("two", "b")
        joined, *rest = self.join_room(self.enter(), since=f"{self.epoch('b')}:1")
        self.assertEqual((joined["gap"], joined["epoch"]), (True, self.epoch()))
        self.assertEqual(rest, [message(1, "one")])

    def test_a_message_that_crosses_a_close_frame_and_is_sent_again_is_published_once(self):
        self.serve()
        both, said = self.enter("/room/a"), '{"type":"publish","room":"a","data":"x","id":"1"}'
        both.server.close(1012)
        both.client.sendMessage(said)
        both.pump()
        self.assertEqual([each["type"] for each in self.heard(both)], ["joined"])
        again = self.enter()
        self.assertEqual(self.ask(again, said)[0]["offset"], 1)
        self.assertEqual(self.join_room(again)[1:], [message(1, "x")])

    def test_a_room_with_a_name_of_a_megabyte_is_refused_and_not_repeated(self):
        self.serve()
        both = self.enter()
        (refused,) = self.ask(both, {"type": "join", "room": "x" * 900_000})
        self.assertEqual(refused["code"], "bad-room")
        self.assertLess(len(json.dumps(refused)), 200)

    def test_thousands_of_rooms_are_refused_and_the_first_still_work(self):
        self.serve(publish_rate=None)
        both = self.enter()
        rooms = [{"type": "join", "room": f"r{number}"} for number in range(3000)]
        kinds = [each.get("code", each["type"]) for each in self.ask(both, *rooms)]
        self.assertEqual(kinds, ["joined"] * 100 + ["too-many-rooms"] * 2900)
        self.publish("x", "r99")
        self.assertEqual(self.heard(both), [message(1, "x", "r99")])


class PresenceTests(RelayTestCase):
    def fill(self, count):
        members = [self.enter() for _ in range(count)]
        for each in members:
            self.join_room(each, info="x" * 1000)
        return members

    def test_lists_of_those_who_are_here_do_not_pile_up_for_a_client_that_does_not_read(self):
        self.serve(presence=True, publish_rate=None)
        self.fill(40)
        both = self.enter(compression=None)
        both.client_transport.pauseProducing()
        for _ in range(300):
            both.client.sendMessage('{"type":"join","room":"a"}')
            both.client.sendMessage('{"type":"leave","room":"a"}')
        both.pump()
        self.assertLess(both.server_transport.waiting, 500_000)
        both.client_transport.resumeProducing()
        self.assertEqual(self.heard(both)[-1]["type"], "left")

    def test_so_is_it_in_many_rooms_at_once(self):
        self.serve(presence=True, publish_rate=None)
        rooms = [f"r{number}" for number in range(30)]
        for _ in range(8):
            member = self.enter()
            self.say(member, *({"type": "join", "room": r, "info": "x" * 1000} for r in rooms))
        both = self.enter(compression=None)
        both.client_transport.pauseProducing()
        self.say(both, *({"type": "join", "room": room} for room in rooms))
        self.assertLess(both.server_transport.waiting, 500_000)
        both.client_transport.resumeProducing()
        joined = [each for each in self.heard(both) if each["type"] == "joined"]
        self.assertCountEqual([each["room"] for each in joined], rooms)
        self.assertEqual({len(each["here"]) for each in joined}, {9})

    def test_who_comes_and_goes_is_encoded_once_for_all(self):
        self.serve(presence=True)
        members, both = self.fill(20), self.enter()
        for each in members:
            self.heard(each)
        dumped, said = forms.dumped, []

        def counted(message):
            said.append(message["type"])
            return dumped(message)

        self.patch(forms, "dumped", counted)
        self.join_room(both)
        both.drop()
        self.assertEqual(said, ["joined", "join", "leave"])
        for each in members:
            self.assertEqual([heard["type"] for heard in self.heard(each)], ["join", "leave"])


class HeadersTests(HTTPTestCase):
    def test_headers_that_are_no_utf_8_are_refused_or_passed_over(self):
        self.serve()
        good = b"Authorization: Bearer secret"
        for status, method, headers in (
            (401, b"POST", b"Authorization: Bearer \xff"),
            (401, b"POST", b"Publish-Token: \xff"),
            (401, b"POST", b"Publish-Token: \xff\r\n" + good),
            (400, b"POST", b"Idempotency-Key: \xff\r\n" + good),
            (200, b"POST", b"Content-Type: \xff\r\n" + good),
            (400, b"POST", b"Content-Type: multipart/form-data; boundary=\xff\r\n" + good),
            (406, b"GET", b"Accept: \xff"),
            (400, b"GET", b"Accept: text/event-stream\r\nLast-Event-ID: \xff:1"),
            (400, b"GET", b"Accept: text/event-stream\r\nLast-Event-ID: e:" + b"9" * 5000),
        ):
            head = b"%s /chat/room/a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n" % method
            answer = self.send_bytes(head + headers + b"\r\n\r\nhi")
            self.assertEqual(int(answer.split()[1]), status, headers)

    def test_the_body_of_a_form_is_the_message(self):
        self.serve()
        for kind in "application/x-www-form-urlencoded", "application/json":
            self.post("a=1&b=%ff&&=", Content_Type=kind)
        batch = self.successResultOf(self.relay._history.since("a", None, 9))
        self.assertEqual([each.data for each in batch.messages], ["a=1&b=%ff&&="] * 2)
