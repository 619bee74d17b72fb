"""Our client for the suite: asks the fuzzing server for one case after the other, and echoes."""

import sys

from twisted.application.reactors import installReactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import deferLater, react

import txws2
from tests.support.epolls import share_as_told


def connect(uri):
    """Connect without the limits that the largest and slowest cases would exceed."""
    return txws2.connect(uri, max_size=None, ping_interval=None)


async def case_count(uri, reactor):
    """Return the number of cases; the server may still be starting."""
    for _ in range(300):
        try:
            async with connect(f"{uri}/getCaseCount") as ws:
                return int(await ws.recv())
        except ConnectionRefusedError:
            await deferLater(reactor, 0.1)
    sys.exit(f"nobody listens at {uri}")


async def run_case(uri, number):
    """Echo until the server closes the connection, whose end it judges, too."""
    try:
        async with connect(f"{uri}/runCase?case={number}&agent=txws2") as ws:
            async for message in ws:
                await ws.send(message)
    except txws2.WebSocketException as exc:
        print(f"case {number}: {exc}", flush=True)


async def main(reactor, uri):
    for number in range(1, await case_count(uri, reactor) + 1):
        await run_case(uri, number)
    async with connect(f"{uri}/updateReports?agent=txws2") as ws:
        await ws.wait_closed()


uri, name = sys.argv[1:]
installReactor(name)
share_as_told()
react(lambda reactor: ensureDeferred(main(reactor, uri)))
