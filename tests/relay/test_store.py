"""A relay with a history elsewhere: each answer takes a while, and messages may come before it."""

from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from tests.relay.rooms import RelayTestCase, message
from txws2.relay import IHistory, MemoryHistory


@implementer(IHistory)
class Distant:
    """A history whose answers travel for a second, and whose messages travel for half of one."""

    def __init__(self, clock, **options):
        self.clock = clock
        self.near = MemoryHistory(clock=clock, **options)
        self.failing = False

    def later(self, result):
        if self.failing:
            return fail(ZeroDivisionError())
        answer = Deferred()
        result.addBoth(lambda value: self.clock.callLater(1, answer.callback, value))
        return answer

    def append(self, room, data, id=None):
        return self.later(self.near.append(room, data, id))

    def since(self, room, position, limit):
        return self.later(self.near.since(room, position, limit))

    def listen(self, room, heard):
        return self.later(
            self.near.listen(room, lambda each: self.clock.callLater(0.5, heard, each))
        )

    def unlisten(self, room):
        return self.later(self.near.unlisten(room))


class DistantTests(RelayTestCase):
    def start(self, **options):
        self.history = Distant(self.clock, **options)
        self.serve(history=self.history)

    def publish(self, data, room="a", id=None):
        return self.relay.publish(room, data, id)

    def pass_time(self, both, seconds):
        """Let time pass in small steps; return what the client has got."""
        said = []
        for _ in range(int(seconds * 4)):
            self.clock.advance(0.25)
            said += self.heard(both)
        return said

    def test_messages_around_joining_come_once_and_in_order(self):
        self.start()
        for when in range(16):
            room = f"room {when}"
            both = self.enter(f"/room/{room.replace(' ', '%20')}")
            said = []
            for number in range(16):
                if number >= when:
                    self.publish(str(number), room)
                said += self.pass_time(both, 0.25)
            said += self.pass_time(both, 10)
            self.assertEqual(said[0]["type"], "joined")
            wanted = [message(n - when + 1, str(n), room) for n in range(when, 16)]
            self.assertEqual(said[1:], wanted, when)
            both.client.close()
            both.pump()

    def test_who_joins_while_a_message_is_on_its_way_costs_the_others_nothing(self):
        self.start()
        alice = self.enter("/room/a")
        self.pass_time(alice, 5)
        heard = self.history.near._heard["a"].heard
        # The message is in the history, and this process hears of it much later.
        self.history.near._heard["a"].heard = lambda each: self.clock.callLater(9, heard, each)
        self.publish("one")
        bob = self.enter("/room/a")
        self.assertEqual(self.pass_time(bob, 5)[1:], [message(1, "one")])
        self.publish("two")
        self.assertEqual(self.pass_time(alice, 20), [message(1, "one"), message(2, "two")])
        self.assertEqual(self.heard(bob), [message(2, "two")])

    def test_several_who_join_at_once_all_get_all(self):
        self.start()
        alice, bob = self.enter("/room/a"), self.enter("/room/a")
        self.publish("one")
        for both in (alice, bob):
            said = self.pass_time(both, 5)
            self.assertEqual(said[1:], [message(1, "one")])

    def test_a_client_that_leaves_while_the_history_is_asked_is_out(self):
        self.start()
        both = self.enter("/room/a")
        both.drop()
        self.clock.advance(5)
        self.assertEqual(self.relay._rooms, {})

    def test_another_epoch_is_a_gap_even_for_those_who_are_up_to_date(self):
        self.start()
        both = self.enter("/room/a")
        self.publish("one")
        self.pass_time(both, 5)
        # The store has lost everything.
        heard = self.history.near._heard["a"].heard
        self.history.near = MemoryHistory(clock=self.clock)
        self.history.near.listen("a", heard)
        self.publish("two")
        gap, again = self.pass_time(both, 5)
        self.assertEqual((gap["type"], gap["offset"]), ("gap", 0))
        self.assertEqual(again, message(1, "two"))

    def test_a_history_that_fails_is_told_without_details(self):
        self.start()
        self.history.failing = True
        both = self.enter("/room/a")
        (error,) = self.heard(both)
        self.assertEqual((error["code"], error["to"]), ("full", "join"))
        self.assertNotIn("Zero", error["text"])
        self.assertEqual(self.relay._rooms, {})
        logged = [event["log_format"] for event in self.take_loud()]
        expected = ["can't read the history of a room", "can't leave a room of the history"]
        self.assertEqual(logged, expected)
