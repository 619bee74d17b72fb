"""A limit on the rate at which a WebSocket client publishes, and joins rooms."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.relay.rooms import RelayTestCase
from txws2.relay.allowance import Allowances


class RateTests(RelayTestCase):
    def publish_many(self, both, count, room="a"):
        said = {"type": "publish", "room": room, "data": "x"}
        answers = self.ask(both, *({**said, "id": str(number)} for number in range(count)))
        return [each.get("code", each["type"]) for each in answers]

    def test_whoever_publishes_too_fast_is_told_and_may_go_on_later(self):
        self.serve(publish_rate=3)
        both, other = self.enter(), self.enter()
        self.assertEqual(self.publish_many(both, 4), ["published"] * 3 + ["too-fast"])
        (refusal,) = self.ask(both, {"type": "publish", "room": "a", "data": "x", "id": "7"})
        self.assertEqual(
            refusal,
            {
                "type": "error",
                "to": "publish",
                "room": "a",
                "id": "7",
                "code": "too-fast",
                "text": "at most 3 requests a second are allowed here",
                "wait": 1,
            },
        )
        self.assertEqual(self.publish_many(other, 3), ["published"] * 3)
        self.clock.advance(1 / 3)
        self.assertEqual(self.publish_many(both, 2, room="b"), ["published", "too-fast"])
        self.clock.advance(1000)
        self.assertEqual(self.publish_many(both, 4), ["published"] * 3 + ["too-fast"])

    def test_a_plain_client_is_closed_to_come_back(self):
        self.serve(publish_rate=1)
        plain = self.enter_plainly("/room/a")
        self.say(plain, "one", "two")
        self.assertEqual(plain.client.close_code, 4529)
        self.assertEqual(self.got(self.enter_plainly("/room/a")), ["one"])

    def test_without_a_limit_and_for_the_application_there_is_none(self):
        self.serve(publish_rate=None)
        self.assertEqual(self.publish_many(self.enter(), 2000), ["published"] * 2000)
        self.serve(publish_rate=1)
        self.assertEqual([self.publish("x").offset for _ in range(3)], [1, 2, 3])

    def test_by_default_it_is_a_thousand(self):
        self.serve()
        self.assertEqual(self.publish_many(self.enter(), 1001)[-2:], ["published", "too-fast"])

    def test_a_flood_of_joining_and_leaving_is_refused_but_no_return_to_all_rooms(self):
        self.serve(presence=True, publish_rate=1, max_rooms_each=20)
        witness, both = self.enter(), self.enter()
        self.join_room(witness)
        rooms = [{"type": "join", "room": f"r{number}"} for number in range(20)]
        self.assertEqual({each["type"] for each in self.ask(both, *rooms)}, {"joined"})
        self.ask(both, {"type": "leave", "room": "r0"})
        self.assertEqual(self.join_room(both)[0]["code"], "too-fast")
        self.clock.advance(1)
        flood = [{"type": "join", "room": "a"}, {"type": "leave", "room": "a"}] * 50
        answers = [each.get("code", each["type"]) for each in self.ask(both, *flood)]
        self.assertEqual((answers.count("joined"), answers.count("too-fast")), (1, 49))
        self.assertEqual([each["type"] for each in self.heard(witness)], ["join", "leave"])


class AllowancesTests(SynchronousTestCase):
    def test_a_client_that_comes_back_keeps_no_other_in_memory(self):
        clock = Clock()
        allowances = Allowances(10, clock)
        for _ in range(5):
            allowances.take("often")
        allowances.take("once")
        clock.advance(0.4)
        allowances.take("often")
        clock.advance(0.15)
        allowances.take("new")
        self.assertEqual(len(allowances), 2)
