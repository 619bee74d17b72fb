"""Calls the methods of jsonrpc_server.py: python jsonrpc_client.py"""

import sys

from jsonrpc import Peer, RPCError
from twisted.internet.defer import Deferred, gatherResults

from txws2 import connect, run


async def main(reactor, uri="ws://localhost:8000/"):
    async with connect(uri) as ws:
        peer = Peer(ws)
        running = Deferred.fromCoroutine(peer.run())

        # One call after the other.
        print(await peer.call("greet", "Ada"))

        # Several at once; each result goes to its own call, in whatever order they come.
        calls = [Deferred.fromCoroutine(peer.call("divide", 10, by)) for by in (1, 2, 4)]
        print(await gatherResults(calls))

        # An error of the method.
        try:
            await peer.call("divide", 1, 0, timeout=5)
        except RPCError as error:
            print(error)
    await running


if __name__ == "__main__":
    run(lambda reactor: main(reactor, *sys.argv[1:]))
