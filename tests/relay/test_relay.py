"""Clients of a relay over WebSocket: with the subprotocol, and without it."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.relay.rooms import RelayTestCase, message
from txws2.exceptions import InvalidStatus
from txws2.relay import Relay


class JoiningTests(RelayTestCase):
    def test_a_newcomer_gets_the_history_and_then_the_live_messages(self):
        self.serve(history=2)
        for data in ("one", "two", "three"):
            self.publish(data)
        both = self.enter()
        said = self.join_room(both)
        joined = {"type": "joined", "room": "a", "epoch": self.epoch(), "offset": 1, "gap": False}
        self.assertEqual(said, [joined, message(2, "two"), message(3, "three")])
        self.publish("four")
        self.assertEqual(self.heard(both), [message(4, "four")])

    def test_a_newcomer_gets_the_last_value(self):
        self.serve(history="last")
        self.publish("one")
        self.publish("two")
        self.assertEqual(self.join_room(self.enter())[1:], [message(2, "two")])

    def test_the_path_names_a_room_and_since_resumes_there(self):
        self.serve("/chat")
        self.publish("one", "b c")
        self.publish("two", "b c")
        both = self.enter(f"/chat/room/b%20c?since={self.epoch('b c')}:1")
        joined, *rest = self.heard(both)
        self.assertEqual((joined["offset"], joined["gap"]), (1, False))
        self.assertEqual(rest, [message(2, "two", "b c")])

    def test_who_resumes_at_the_head_gets_only_what_comes(self):
        self.serve(history=0)
        self.publish("one")
        both = self.enter()
        joined = self.join_room(both, since=f"{self.epoch()}:1")[0]
        self.assertFalse(joined["gap"])
        self.publish("two")
        self.assertEqual(self.heard(both), [message(2, "two")])

    def test_a_gap_is_told_and_what_is_there_is_sent(self):
        self.serve(history=2)
        for data in "1234":
            self.publish(data)
        for since in (f"{self.epoch()}:1", "another:3", f"{self.epoch()}:9"):
            joined, *rest = self.join_room(self.enter(), since=since)
            self.assertEqual((joined["offset"], joined["gap"]), (2, True), since)
            self.assertEqual(rest, [message(3, "3"), message(4, "4")])

    def test_a_room_that_was_left_is_silent(self):
        self.serve()
        both = self.enter()
        self.join_room(both)
        self.assertEqual(
            self.ask(both, {"type": "leave", "room": "a"}), [{"type": "left", "room": "a"}]
        )
        self.publish("one")
        self.assertEqual(self.heard(both), [])
        self.assertEqual(self.join_room(both)[1:], [message(1, "one")])

    def test_joining_and_leaving_at_once_loses_nothing_for_others(self):
        self.serve()
        alice, bob = self.enter("/room/a"), self.enter("/room/a")
        self.got(alice)
        bob.client.close()
        bob.pump()
        self.publish("one")
        self.assertEqual(self.heard(alice), [message(1, "one")])
        alice.client.close()
        alice.pump()
        self.assertEqual(self.relay._rooms, {})

    def test_messages_of_a_client_that_has_left_are_published_and_its_joins_ignored(self):
        self.serve()
        both = self.enter()
        for said in ('{"type":"publish","room":"a","data":"x"}', '{"type":"join","room":"a"}'):
            both.client.sendMessage(said)
        both.client.close()
        both.pump()
        self.assertEqual(self.relay._rooms, {})
        self.assertEqual(self.join_room(self.enter())[1:], [message(1, "x")])


class PublishingTests(RelayTestCase):
    def test_a_message_goes_to_all_in_the_room_its_sender_included(self):
        self.serve()
        alice, bob, carol = self.enter("/room/a"), self.enter("/room/a"), self.enter("/room/b")
        for each in (alice, bob, carol):
            self.got(each)
        said = {"type": "publish", "room": "a", "data": "héllo", "id": "1"}
        published = {
            "type": "published",
            "room": "a",
            "id": "1",
            "epoch": self.epoch(),
            "offset": 1,
        }
        self.assertCountEqual(self.ask(alice, said), [message(1, "héllo"), published])
        self.assertEqual(self.heard(bob), [message(1, "héllo")])
        self.assertEqual(self.heard(carol), [])

    def test_a_message_that_is_sent_again_is_not_doubled(self):
        self.serve(history=0)
        both = self.enter()
        said = {"type": "publish", "room": "a", "data": "x", "id": "1"}
        self.assertEqual(self.ask(both, said), self.ask(both, said))
        self.assertEqual(self.ask(both, {**said, "id": "2"})[0]["offset"], 2)

    def test_binary_messages_are_base64(self):
        self.serve()
        both, plain = self.enter("/room/a"), self.enter_plainly("/room/a")
        self.got(both)
        self.say(both, {"type": "publish", "room": "a", "base64": "AP8="})
        self.assertEqual(self.heard(both)[0]["base64"], "AP8=")
        self.assertEqual(self.got(plain), [b"\x00\xff"])

    def test_nobody_may_publish_by_websocket(self):
        self.serve(publish="nobody")
        said = {"type": "publish", "room": "a", "data": "x", "id": "7"}
        self.assertEqual(
            self.ask(self.enter(), said),
            [
                {
                    "type": "error",
                    "to": "publish",
                    "room": "a",
                    "id": "7",
                    "code": "not-allowed",
                    "text": "publishing in this room isn't allowed here",
                }
            ],
        )

    def test_a_function_says_who_may_publish(self):
        async def may(connection, room):
            return room == "a" and connection.request.path == "/"

        self.serve(publish=may)
        both = self.enter()
        said = {"type": "publish", "data": "x", "id": "7"}
        answers = self.ask(both, {**said, "room": "a"}, {**said, "room": "b"})
        self.assertEqual([each["type"] for each in answers], ["published", "error"])

    def test_a_client_that_leaves_while_a_function_decides_is_out_of_the_room(self):
        decision = Deferred()
        self.serve(publish=lambda connection, room: decision)
        both = self.enter("/room/a")
        self.say(both, {"type": "publish", "room": "a", "data": "x"})
        both.drop()
        self.assertEqual(self.relay._rooms, {})
        decision.callback(True)


class ErrorTests(RelayTestCase):
    def assertRefused(self, both, said, code, **keys):
        (answer,) = self.ask(both, said)
        self.assertEqual(answer, {**answer, "type": "error", "code": code, **keys})
        self.assertTrue(answer["text"])

    def test_each_mistake_gets_a_code_and_a_sentence(self):
        self.serve(max_message=10, max_rooms_each=1)
        both = self.enter()
        publish = {"type": "publish", "room": "a", "data": "x"}
        for said, code in (
            ("", "bad-json"),
            (b"{}", "bad-json"),
            ("[]", "bad-json"),
            ("[" * 100_000, "bad-json"),
            ('{"a":' + "1" * 5000 + "}", "bad-json"),
            ({}, "unknown-type"),
            ({"type": ["join"]}, "unknown-type"),
            ({"type": "join"}, "bad-room"),
            ({"type": "join", "room": 7}, "bad-room"),
            ({"type": "join", "room": "\n"}, "bad-room"),
            ({"type": "join", "room": "\ud800"}, "bad-room"),
            ({"type": "join", "room": "é" * 65}, "bad-room"),
            ({"type": "join", "room": "a", "since": 7}, "bad-message"),
            ({"type": "join", "room": "a", "since": "x:-1"}, "bad-message"),
            ({"type": "join", "room": "a", "since": "x:" + "9" * 19}, "bad-message"),
            ({"type": "join", "room": "a", "info": "x" * 1025}, "bad-message"),
            ({"type": "join", "room": "a", "info": "\ud800"}, "bad-message"),
            ({"type": "leave", "room": "a"}, "not-joined"),
            ({**publish, "data": 7}, "bad-message"),
            ({**publish, "base64": "AA=="}, "bad-message"),
            ({**publish, "data": "\ud800"}, "bad-message"),
            ({**publish, "data": None, "base64": "%"}, "bad-message"),
            ({**publish, "data": "é" * 6}, "too-big"),
            ({**publish, "id": ""}, "bad-message"),
            ({**publish, "id": "é"}, "bad-message"),
            ({**publish, "id": "x" * 65}, "bad-message"),
        ):
            self.assertRefused(both, said, code)
        self.join_room(both)
        self.assertRefused(both, {"type": "join", "room": "a"}, "joined-already", to="join")
        self.assertRefused(both, {"type": "join", "room": "b"}, "too-many-rooms", room="b")

    def test_more_rooms_than_the_history_takes_are_refused(self):
        self.serve(max_rooms=1)
        alice, bob = self.enter("/room/a"), self.enter()
        self.got(alice)
        join, publish = {"type": "join", "room": "b"}, {"type": "publish", "room": "b", "data": ""}
        self.assertRefused(bob, join, "full", to="join", room="b")
        self.assertRefused(bob, publish, "full", to="publish", room="b")
        plain = self.enter_plainly("/room/b")
        self.assertEqual(plain.client.close_code, 4503)
        alice.client.close()
        alice.pump()
        self.assertEqual(self.join_room(bob, "b")[0]["type"], "joined")

    def test_requests_that_are_for_no_room_are_refused_with_a_sentence(self):
        self.serve("/chat")
        for path, status in (
            ("/", 404),
            ("/chatroom/a", 404),
            ("/chat/rooms/a", 404),
            ("/chat/room/a/b", 404),
            ("/chat/room/", 400),
            ("/chat/room/%FF", 400),
            ("/chat/room/%0a", 400),
            ("/chat/room/a?since=x", 400),
        ):
            refused = self.assertRaises(InvalidStatus, self.enter, path)
            self.assertEqual(refused.response.status_code, status, path)
            self.assertRegex(refused.response.body, rb"^[A-Z].*\.\n$")
        refused = self.assertRaises(InvalidStatus, self.enter_plainly, "/chat/")
        self.assertEqual(refused.response.status_code, 400)

    def test_an_exception_of_the_application_closes_one_connection(self):
        def may(connection, room):
            raise ZeroDivisionError

        self.serve(publish=may)
        both, other = self.enter(), self.enter("/room/a")
        self.say(both, {"type": "publish", "room": "a", "data": "x"})
        self.assertEqual(both.client.close_code, 1011)
        self.assertEqual(len(self.take_loud()), 1)
        self.publish("x")
        self.assertEqual(self.heard(other)[1:], [message(1, "x")])


class PlainTests(RelayTestCase):
    def test_clients_without_the_subprotocol_send_and_get_payloads(self):
        self.serve()
        alice, bob = self.enter_plainly("/room/a"), self.enter_plainly("/room/a")
        self.say(alice, "hello", b"\x00")
        self.assertEqual(self.got(bob), ["hello", b"\x00"])
        self.assertEqual(self.got(self.enter_plainly("/room/a")), ["hello", b"\x00"])

    def test_a_gap_closes_the_connection_with_a_code_of_its_own(self):
        self.serve()
        self.publish("one")
        late = self.enter_plainly("/room/a?since=other:1")
        self.assertEqual(late.client.close_code, 4410)
        exact = self.enter_plainly(f"/room/a?since={self.epoch()}:0")
        self.assertEqual(self.got(exact), ["one"])

    def test_a_refused_message_closes_the_connection_with_a_code_that_says_why(self):
        self.serve(publish="nobody", max_message=10)
        for said, code in (("x", 4403), ("x" * 11, 4413)):
            both = self.enter_plainly("/room/a")
            self.say(both, said)
            self.assertEqual(both.client.close_code, code)


class OptionTests(SynchronousTestCase):
    def test_mistakes_are_raised_where_they_are_made(self):
        for error, options in (
            (ValueError, {"path": "chat"}),
            (ValueError, {"path": 7}),
            (ValueError, {"history": -1}),
            (TypeError, {"history": "first"}),
            (ValueError, {"history_seconds": 0}),
            (ValueError, {"history_bytes": 0}),
            (ValueError, {"max_rooms": 0}),
            (TypeError, {"presence": "no"}),
            (ValueError, {"publish": "me"}),
            (TypeError, {"publish": lambda: True}),
            (TypeError, {"tokens": 7}),
            (ValueError, {"tokens": "/nowhere"}),
            (ValueError, {"publish_rate": 0}),
            (TypeError, {"publish_rate": "fast"}),
            (ValueError, {"max_message": 0}),
            (ValueError, {"max_rooms_each": 0}),
            (ValueError, {"max_streams": -1}),
            (TypeError, {"reactor": "epoll"}),
        ):
            self.assertRaises(error, Relay, **options)
