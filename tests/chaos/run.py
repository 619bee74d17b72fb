"""`python -m tests.chaos.run`: send messages for some seconds, with faults at random."""

import argparse
import random
import sys
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater, react

from tests.chaos.cutting import Fault, Kind
from tests.chaos.played import Stage, connections

_MESSAGES = 200
_SLACK = 2**20

_LIVES = (0.2, 2.0)
"""The shortest and the longest life of the server, in seconds, about from its start on."""


_WAYS = {
    "plain": {},
    "TLS": {"tls": True},
    "proxy": {"tunnel": True},
    "TLS through a proxy": {"tls": True, "tunnel": True},
}


def faults(chance):
    """Generate faults without end."""
    while True:
        yield Fault(chance.choice(list(Kind)), chance.randrange(6000), chance.random() / 5)


async def kill_again_and_again(stage, chance):
    """Kill the server again and again, each time after a while."""
    while True:
        await deferLater(stage.reactor, chance.uniform(*_LIVES))
        stage.kill()


async def rounds(reactor, directory, seconds, chance, **between):
    """Send messages until the time is over; return a line with the result."""
    stage = Stage(reactor, directory, faults(chance), **between)
    await stage.open()
    killing = Deferred.fromCoroutine(kill_again_and_again(stage, chance))
    killing.addErrback(lambda reason: reason.trap(CancelledError))
    end = reactor.seconds() + seconds
    sent = 0
    while reactor.seconds() < end:
        name = f"round-{sent // _MESSAGES}"
        messages = [f"message {number}" for number in range(_MESSAGES)]
        sender = await stage.send(messages, name)
        handled, times = stage.handled(name)
        if sender.unacknowledged or handled != dict(enumerate(messages)) or times != _MESSAGES:
            lost = set(messages) - set(handled.values())
            raise SystemExit(f"lost: {lost}; {times} handlings of {_MESSAGES} messages")
        sent += _MESSAGES
    killing.cancel()
    await stage.close()
    happened = ", ".join(f"{count} x {kind.value}" for kind, count in stage.proxy.happened.items())
    return f"{sent} messages; the server was killed {stage.deaths} times; {happened}"


async def all_ways(reactor, directory, seconds, chance):
    """Send messages directly, over TLS, through a proxy, and both; return a line for each."""
    Path(directory).mkdir()
    said = []
    for name, between in _WAYS.items():
        share = seconds / len(_WAYS)
        said.append(
            f"{name}: {await rounds(reactor, f'{directory}/{name}', share, chance, **between)}"
        )
    return said


async def play(reactor, directory, seconds, seed):
    """Run once to allocate all that stays in memory, and again to check that no more stays."""
    chance = random.Random(seed)
    await all_ways(reactor, f"{directory}/first", min(seconds, 8), chance)
    tracemalloc.start()
    calls, memory = len(reactor.getDelayedCalls()), tracemalloc.get_traced_memory()[0]
    for line in await all_ways(reactor, f"{directory}/second", seconds, chance):
        print(line)
    print("none lost, and none handled twice")
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
    with TemporaryDirectory() as directory:
        arguments = directory, options.seconds, options.seed
        react(lambda reactor: Deferred.fromCoroutine(play(reactor, *arguments)))


if __name__ == "__main__":
    main()
