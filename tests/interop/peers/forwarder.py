"""A server that forwards to a port of this machine."""

import sys

from observations import observe
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

import txws2
from txws2.forward import Forward


async def main(port):
    server = await txws2.serve(
        Forward(f"tcp:127.0.0.1:{port}"), "127.0.0.1", 0, compression=None, max_size=None
    )
    observe(port=server.addresses[0].port)


ensureDeferred(main(sys.argv[1])).addErrback(lambda failure: failure.printTraceback())
reactor.run()
