"""docs/examples/gallery/chat.py in memory."""

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.support.gallery import example
from txws2.testing import joined


class ChatTests(SynchronousTestCase):
    def setUp(self):
        self.chat = example(self, "chat")

    def connect(self):
        both = self.enterContext(joined(self.chat.chat))
        # Those who leave before it at the end of the test tell it so.
        self.addCleanup(both.pump)
        return both

    def enter(self, name, room="tea"):
        both = self.connect()
        both.client.sendMessage(json.dumps({"room": room, "name": name}))
        both.pump()
        return both

    def assertHears(self, both, *said):
        for each in said:
            self.assertEqual(json.loads(both.result_of(both.client.recv())), each)

    def test_everybody_in_the_room_reads_each_message_and_sees_who_is_here(self):
        ann, bob, other = self.enter("Ann"), self.enter("bob"), self.enter("Cem", "coffee")
        self.assertHears(ann, {"here": ["Ann"]}, {"here": ["Ann", "bob"]})
        bob.client.sendMessage("hello")
        bob.pump()
        self.assertHears(bob, {"here": ["Ann", "bob"]}, {"from": "bob", "text": "hello"})
        self.assertHears(ann, {"from": "bob", "text": "hello"})
        self.assertHears(other, {"here": ["Cem"]})

    def test_whoever_closes_or_breaks_off_is_not_here_any_more(self):
        ann, bob, cem = self.enter("Ann"), self.enter("Bob"), self.enter("Cem")
        bob.client.close()
        bob.pump()
        cem.drop()
        here = [["Ann"], ["Ann", "Bob"], ["Ann", "Bob", "Cem"], ["Ann", "Cem"], ["Ann"]]
        self.assertHears(ann, *({"here": names} for names in here))

    def test_no_room_or_no_name_is_refused_and_nobody_hears_of_it(self):
        for message in ("hello", "[" * 9000, "[]", '{"room": "tea"}', '{"room": 1, "name": "Ann"}',
                        '{"room": "tea", "name": " "}', b"\xff"):  # fmt: skip
            both = self.connect()
            both.client.sendMessage(message)
            both.pump()
            self.assertEqual(both.client.close_code, 1008)
            self.assertEqual(both.client.close_reason, "expected a room and a name")
        self.assertEqual(self.successResultOf(self.chat.rooms.names()), [])

    def test_whoever_says_nothing_for_a_minute_is_refused(self):
        both = self.connect()
        both.advance(60)
        self.assertEqual(both.client.close_code, 1008)

    def test_binary_messages_are_refused(self):
        ann, bob = self.enter("Ann"), self.enter("Bob")
        bob.client.sendMessage(b"hello")
        bob.pump()
        self.assertEqual(bob.client.close_code, 1003)
        self.assertHears(ann, {"here": ["Ann"]}, {"here": ["Ann", "Bob"]}, {"here": ["Ann"]})
