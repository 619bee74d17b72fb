"""Connects ssh to shell.py, as its ProxyCommand.

ssh -o ProxyCommand="python shell_client.py ws:localhost:8022" localhost
"""

import sys

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.stdio import StandardIO
from twisted.protocols.portforward import Proxy

from txws2 import run


class Half(Proxy):
    """Writes all that it gets to the other half; one is ssh's pipe, one the WebSocket."""

    def __init__(self):
        self.ended = Deferred()

    def connectionLost(self, reason):
        super().connectionLost(reason)
        self.ended.callback(None)


async def main(reactor, server):
    websocket, pipe = Half(), Half()
    websocket.setPeer(pipe)
    pipe.setPeer(websocket)
    StandardIO(pipe)
    pipe.transport.pauseProducing()
    await connectProtocol(clientFromString(reactor, server), websocket)
    # From now on, each is paused while the other doesn't take more.
    websocket.transport.registerProducer(pipe.transport, True)
    pipe.transport.registerProducer(websocket.transport, True)
    pipe.transport.resumeProducing()
    # All that has come from one is written to the other, also at the end.
    await gatherResults([websocket.ended, pipe.ended])


if __name__ == "__main__":
    run(lambda reactor: main(reactor, sys.argv[1]))
