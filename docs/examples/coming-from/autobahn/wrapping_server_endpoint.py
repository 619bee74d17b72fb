"""Autobahn's wrapping/server_endpoint.py on txws2: python wrapping_server_endpoint.py"""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from wrapping_server import HelloServer


async def main(reactor, endpoint="ws:9000"):
    """Listen, and go on for ever."""
    port = await serverFromString(reactor, endpoint).listen(Factory.forProtocol(HelloServer))
    print("listening on port", port.getHost().port)
    await Deferred()


react(main, sys.argv[1:])
