"""The hearers of a room: who is there, slow ones, order, and compression."""

from tests.relay.rooms import RelayTestCase, message
from txws2.relay.forms import FRAMED


class PresenceTests(RelayTestCase):
    def test_those_who_are_here_come_and_go_are_told(self):
        self.serve(presence=True)
        alice = self.enter()
        (joined,) = self.join_room(alice, info={"name": "Alice"})
        entry = {"id": alice.server.id, "info": {"name": "Alice"}}
        self.assertEqual(joined["here"], [entry])
        bob = self.enter_plainly("/room/a")
        self.assertEqual(self.heard(alice), [{"type": "join", "room": "a", "id": bob.server.id}])
        self.assertEqual(
            [each.id for each in self.relay.here("a")], [alice.server.id, bob.server.id]
        )
        bob.drop()
        self.assertEqual(self.heard(alice), [{"type": "leave", "room": "a", "id": bob.server.id}])
        self.assertEqual(len(self.relay.here("a")), 1)
        self.assertEqual(self.relay.here("b"), [])

    def test_a_client_that_reads_slowly_gets_the_list_once_it_is_up_to_date(self):
        self.serve(presence=True, history=10)
        slow = self.enter("/room/a", compression=None)
        self.got(slow)
        slow.client_transport.pauseProducing()
        for _ in range(6):
            self.publish("x" * 50_000)
            slow.pump()
        bob = self.enter("/room/a")
        slow.client_transport.resumeProducing()
        said = self.heard(slow)
        self.assertEqual(
            [each["offset"] for each in said if each["type"] == "message"], [*range(1, 7)]
        )
        others = [each for each in said if each["type"] != "message"]
        self.assertEqual([each["type"] for each in others], ["here"])
        self.assertIn({"id": bob.server.id}, others[0]["here"])


class SlowTests(RelayTestCase):
    def slow(self, path="/room/a", **options):
        both = self.enter(path, compression=None, **options)
        self.got(both)
        both.client_transport.pauseProducing()
        return both

    def publish_many(self, count, size=30_000):
        for number in range(count):
            self.publish(f"{number}:".ljust(size, "x"))

    def offsets(self, both):
        return [each["offset"] for each in self.heard(both) if each["type"] == "message"]

    def test_a_slow_client_gets_all_from_the_history_as_fast_as_it_reads(self):
        self.serve(history=100, history_bytes=10_000_000)
        slow, quick = self.slow(), self.enter("/room/a")
        self.got(quick)
        self.publish_many(90)
        self.assertLess(slow.server_transport.waiting, 500_000)
        self.assertEqual(self.offsets(quick), [*range(1, 91)])
        slow.client_transport.resumeProducing()
        self.assertEqual(self.offsets(slow), [*range(1, 91)])
        self.publish("x")
        self.assertEqual(self.offsets(slow), [91])

    def test_a_client_that_is_slower_than_the_history_is_told_of_the_gap(self):
        self.serve(history=5)
        slow = self.slow()
        self.publish_many(50)
        slow.client_transport.resumeProducing()
        said = self.heard(slow)
        gaps = [each for each in said if each["type"] == "gap"]
        self.assertEqual(gaps, [{"type": "gap", "room": "a", "epoch": self.epoch(), "offset": 45}])
        offsets = [each["offset"] for each in said[said.index(gaps[0]) + 1 :]]
        self.assertEqual(offsets, [46, 47, 48, 49, 50])
        before = [each["offset"] for each in said[: said.index(gaps[0])]]
        self.assertEqual(before, [*range(1, len(before) + 1)])

    def test_a_plain_client_that_is_too_slow_is_closed_to_come_back(self):
        self.serve(history=5)
        slow = self.slow(subprotocols=())
        self.publish_many(50)
        slow.client_transport.resumeProducing()
        got = self.got(slow)
        self.assertEqual([each.partition(":")[0] for each in got], [*map(str, range(len(got)))])
        self.assertEqual(slow.client.close_code, 4508)

    def test_messages_that_come_during_a_slow_replay_follow_it_once(self):
        self.serve(history=200, history_bytes=10_000_000)
        self.publish_many(20)
        both = self.enter(compression=None)
        both.client_transport.pauseProducing()
        both.client.sendMessage('{"type":"join","room":"a"}')
        both.pump()
        self.publish_many(20)
        both.client_transport.resumeProducing()
        both.pump()
        self.assertEqual(self.offsets(both), [*range(1, 41)])

    def test_a_slow_client_that_leaves_ends_its_replay(self):
        self.serve(history=100, history_bytes=10_000_000)
        slow = self.slow()
        self.publish_many(50)
        slow.drop()
        self.assertEqual(self.relay._rooms, {})
        self.assertEqual(self.clock.getDelayedCalls(), [])


class OrderTests(RelayTestCase):
    def test_a_message_that_is_published_during_another_comes_after_it_for_all(self):
        self.serve()
        clients = [self.enter("/room/a"), self.enter_plainly("/room/a"), self.enter("/room/a")]
        for each in clients:
            self.got(each)
        offer_all, calls = FRAMED.offer_all, []

        def interrupted(hearers, said):
            calls.append(said)
            if len(calls) == 1:
                self.publish("two")
            return offer_all(hearers, said)

        self.patch(FRAMED, "offer_all", interrupted)
        self.publish("one")
        self.assertEqual(self.got(clients[1]), ["one", "two"])
        for each in clients[::2]:
            self.assertEqual(self.heard(each), [message(1, "one"), message(2, "two")])


class CompressionTests(RelayTestCase):
    def test_clients_with_and_without_compression_get_the_same(self):
        self.serve()
        both = [self.enter("/room/a", compression=each) for each in ("deflate", None, "deflate")]
        for each in both:
            self.got(each)
        self.publish("hello " * 500)
        for each in both:
            self.assertEqual(self.heard(each), [message(1, "hello " * 500)])
        self.assertEqual(self.heard(self.enter("/room/a"))[1:], [message(1, "hello " * 500)])
