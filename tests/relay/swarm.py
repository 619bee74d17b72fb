"""`python -m tests.relay.swarm`: many clients of a relay, in memory, whose connections are dropped.

It prints the seed. Each client must get every message of its rooms once and in order, or be told of
a gap. The seed decides all: which client hears which rooms, who publishes, and which connection is
dropped when.
"""

import argparse
import random
import sys
from collections import Counter
from time import perf_counter

from twisted.internet.defer import Deferred

from txws2 import Backoff
from txws2.relay import Gap, Relay, RelayClient
from txws2.testing import MemoryReactor, ScriptedServer

# A step is a tenth of a second.
STEP = 0.1


def faults(items, published, start=0):
    """Generate what is wrong with the items that a client got from a room.

    Args:
        items: its messages and gaps, in order.
        published: all data of the room, in the order of the offsets.
        start: the offset behind which the client began.
    """
    offset = start
    for item in items:
        if isinstance(item, Gap):
            if item.position.offset < offset:
                yield f"the gap leads back, from {offset} to {item.position.offset}"
            offset = item.position.offset
            continue
        got = item.position.offset
        if got <= offset:
            yield f"{got} is doubled or late, after {offset}"
            continue
        if got > offset + 1:
            yield f"{offset + 1} to {got - 1} are lost without a word"
        if got > len(published) or published[got - 1] != item.data:
            yield f"{got} has the wrong data: {item.data!r}"
        offset = got
    if offset != len(published):
        yield f"the last {len(published) - offset} are lost without a word"


class Swarm:
    """A relay, its clients, and a number that decides what happens to them."""

    def __init__(self, seed, clients, rooms, each, history):
        self.dice = random.Random(seed)
        self.reactor = MemoryReactor()
        self.relay = Relay(history=history, history_bytes=10**9, reactor=self.reactor)
        self.server = ScriptedServer(
            self.relay,
            reactor=self.reactor,
            subprotocols=self.relay.subprotocols,
            compression=None,
            ping_interval=None,
        )
        self.rooms = [f"room {number}" for number in range(rooms)]
        self.published = {room: [] for room in self.rooms}
        self.waiting = 0
        self.failures = []
        self.counts = Counter()
        self.paused = []
        self.clients = [self.client(each) for _ in range(clients)]
        self.reactor.pump()

    def client(self, each):
        client = RelayClient(
            "ws://example.com/",
            reactor=self.reactor,
            compression=None,
            ping_interval=None,
            proxy=None,
            backoff=Backoff(initial=1, minimum=0.2, maximum=2, random=self.dice.random),
        )
        client.startService()
        heard = {}
        for room in self.dice.sample(self.rooms, each):
            heard[room] = []
            Deferred.fromCoroutine(self.hear(client.subscribe(room), heard[room]))
        return client, heard

    async def hear(self, subscription, items):
        async for item in subscription:
            items.append(item)

    def publish(self, number):
        """Publish a message by the relay itself, or by a client that may lose its connection."""
        room, data = self.dice.choice(self.rooms), f"message {number}"
        if self.dice.random() < 0.8:
            self.relay.publish(room, data).addCallback(self.note, room, data)
        else:
            self.waiting += 1
            client, _ = self.dice.choice(self.clients)
            publishing = client.publish(room, data).addCallback(self.note, room, data)
            publishing.addErrback(self.failures.append).addBoth(self.answered)

    def note(self, position, room, data):
        known = self.published[room]
        known += [None] * (position.offset - len(known))
        if known[position.offset - 1] is not None:
            self.failures.append(f"{position.offset} of {room} was published twice")
        known[position.offset - 1] = data

    def answered(self, _):
        self.waiting -= 1

    def disturb(self, drops):
        """Drop some connections, and pause the reading of some clients until the next step."""
        for transport in self.paused:
            transport.resumeProducing()
        self.paused.clear()
        joined = self.reactor.connections
        for _ in range(min(drops, len(joined))):
            both = self.dice.choice(joined)
            if self.dice.random() < 0.5:
                self.counts["paused"] += 1
                both.client_transport.pauseProducing()
                self.paused.append(both.client_transport)
            elif both.client_transport.connected:
                self.counts["dropped"] += 1
                both.drop()

    def run(self, messages, batch, drops):
        """Publish all messages, with disturbances; then let everybody get what is left."""
        number = 0
        while number < messages:
            for _ in range(min(batch, messages - number)):
                number += 1
                self.publish(number)
            self.disturb(drops)
            self.reactor.advance(STEP)
        self.disturb(0)
        for _ in range(20):
            self.reactor.advance(1)

    def found(self):
        """Return a list of all that went wrong, and count what was heard."""
        found = [str(each) for each in self.failures]
        if self.waiting:
            found.append(f"{self.waiting} published messages got no answer")
        for number, (_, heard) in enumerate(self.clients):
            for room, items in heard.items():
                self.counts["gaps"] += sum(isinstance(item, Gap) for item in items)
                self.counts["heard"] += sum(not isinstance(item, Gap) for item in items)
                wrong = faults(items, self.published[room])
                found += [f"client {number}, {room}: {each}" for each in wrong]
        return found

    def stop(self):
        for client, _ in self.clients:
            client.stopService()
        self.reactor.advance(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("clients", 500),
        ("messages", 20_000),
        ("rooms", 20),
        ("each", 2),
        ("history", 60),
        ("batch", 100),
        ("drops", 20),
        ("seed", random.randrange(10**6)),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    print(
        f"seed {options.seed}: {options.clients} clients, {options.messages} messages", flush=True
    )
    began = perf_counter()
    swarm = Swarm(options.seed, options.clients, options.rooms, options.each, options.history)
    swarm.run(options.messages, options.batch, options.drops)
    found = swarm.found()
    print(f"{dict(swarm.counts)}, {perf_counter() - began:.0f} s; {len(found)} faults")
    print("\n".join(found[:20]))
    swarm.stop()
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
