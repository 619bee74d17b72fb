"""A small run of `tests.relay.swarm`, and its checker with planted faults."""

import random

from twisted.trial.unittest import SynchronousTestCase

from tests.relay.swarm import Swarm, faults
from txws2.relay import Gap, Message, Position
from txws2.relay.forms import FRAMED


class CheckerTests(SynchronousTestCase):
    published = [f"message {number}" for number in range(1, 10)]

    def items(self):
        numbered = enumerate(self.published, 1)
        return [Message("a", Position("e", offset), data) for offset, data in numbered]

    def assertFound(self, items, *words):
        found = list(faults(items, self.published))
        self.assertEqual(len(found), len(words), found)
        for each, word in zip(found, words, strict=True):
            self.assertIn(word, each)

    def test_nothing_is_found_where_nothing_is_wrong(self):
        self.assertFound(self.items())

    def test_each_planted_fault_is_found(self):
        items = self.items()
        self.assertFound([*items[:4], *items[5:]], "5 to 5 are lost")
        self.assertFound(items[1:], "1 to 1 are lost")
        self.assertFound(items[:-1], "last 1 are lost")
        self.assertFound([*items[:4], items[3], *items[4:]], "4 is doubled")
        self.assertFound([items[1], items[0], *items[2:]], "1 to 1 are lost", "1 is doubled")
        wrong = Message("a", Position("e", 3), "message 4")
        self.assertFound([*items[:2], wrong, *items[3:]], "wrong data")
        back = Gap("a", Position("e", 1))
        self.assertFound([*items[:4], back, *items[1:]], "leads back")

    def test_a_gap_that_was_told_is_no_fault_if_it_covers_all_that_is_missing(self):
        items = self.items()
        gap = Gap("a", Position("e", 5))
        self.assertFound([*items[:2], gap, *items[5:]])
        self.assertFound([*items[:2], gap, *items[6:]], "6 to 6 are lost")


class SwarmTests(SynchronousTestCase):
    def swarm(self, history, seed):
        swarm = Swarm(seed, clients=12, rooms=3, each=2, history=history)
        self.addCleanup(swarm.stop)
        return swarm

    def run_swarm(self, history):
        seed = random.randrange(10**6)
        swarm = self.swarm(history, seed)
        swarm.run(messages=600, batch=10, drops=3)
        self.assertEqual(swarm.found(), [], f"seed {seed}")
        self.assertGreater(swarm.counts["dropped"], 20, f"seed {seed}")
        return swarm, seed

    def test_with_a_long_history_each_client_gets_each_message_once(self):
        swarm, seed = self.run_swarm(1000)
        self.assertEqual(swarm.counts["gaps"], 0, f"seed {seed}")
        self.assertEqual(
            swarm.counts["heard"],
            sum(len(swarm.published[room]) for _, heard in swarm.clients for room in heard),
        )

    def test_with_a_short_history_each_client_is_told_of_each_gap(self):
        swarm, seed = self.run_swarm(5)
        self.assertGreater(swarm.counts["gaps"], 0, f"seed {seed}")

    def test_a_relay_that_leaves_a_client_out_is_found(self):
        offer_all, calls = FRAMED.offer_all, []

        def forgetful(connections, message):
            calls.append(message)
            return offer_all(connections[: -1 if len(calls) == 300 else None], message)

        self.patch(FRAMED, "offer_all", forgetful)
        swarm = self.swarm(1000, 1)
        swarm.run(messages=600, batch=10, drops=0)
        swarm.found()
        self.assertGreater(swarm.counts["gaps"], 0)
