"""`python -m tests.chaos.run`: play for so many seconds, with faults at random."""

import argparse
import random
import sys
import tracemalloc

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, react

from tests.chaos.cutting import Fault, Kind
from tests.chaos.played import Stage, connections

_MESSAGES = 200
_SLACK = 2**20


def faults(chance):
    """Generate faults without end."""
    while True:
        yield Fault(chance.choice(list(Kind)), chance.randrange(4000), chance.random() / 5)


async def rounds(reactor, seconds, chance):
    """Send messages until the time is over; return how many, and the stage."""
    stage = Stage(reactor, faults(chance))
    await stage.open()
    restarting = LoopingCall(lambda: Deferred.fromCoroutine(stage.restart()))
    restarting.clock = reactor
    ended = restarting.start(0.5, now=False)
    end = reactor.seconds() + seconds
    sent = 0
    while reactor.seconds() < end:
        messages = [f"message {number}" for number in range(_MESSAGES)]
        sender = await stage.send(messages)
        handled, stage.receiver.handled = stage.receiver.handled, {}
        if sender.unacknowledged or handled != dict(enumerate(messages)):
            raise SystemExit(f"lost: {set(messages) - set(handled.values())}")
        sent += _MESSAGES
    # It waits for a restart that is going on.
    restarting.stop()
    await ended
    await stage.close()
    stage.receiver.ws = None
    return sent, stage


async def play(reactor, seconds, seed):
    """Play once to get to know what stays in memory, and once to see that no more does."""
    chance = random.Random(seed)
    await rounds(reactor, min(seconds, 2), chance)
    tracemalloc.start()
    calls, memory = len(reactor.getDelayedCalls()), tracemalloc.get_traced_memory()[0]
    sent, stage = await rounds(reactor, seconds, chance)
    happened = ", ".join(f"{count} x {kind.value}" for kind, count in stage.proxy.happened.items())
    print(f"{sent} messages, none lost; the server died {stage.deaths} times; {happened}")
    left = len(connections())
    more_calls = len(reactor.getDelayedCalls()) - calls
    more_memory = tracemalloc.get_traced_memory()[0] - memory
    print(f"left: {left} connections, {more_calls} calls, {more_memory / 1024:.0f} KiB")
    if left or more_calls or more_memory > _SLACK:
        raise SystemExit("something was left")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", file=sys.stderr)
    react(lambda reactor: Deferred.fromCoroutine(play(reactor, options.seconds, options.seed)))


if __name__ == "__main__":
    main()
