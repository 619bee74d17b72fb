"""Autobahn's wrapping/client_endpoint.py on txws2: python wrapping_client_endpoint.py"""

import sys

from twisted.internet.endpoints import clientFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from wrapping_client import HelloClient


async def main(reactor, endpoint="ws:localhost:9000"):
    """Connect, and go on until the server hangs up."""
    factory = Factory.forProtocol(HelloClient)
    hello = await clientFromString(reactor, endpoint).connect(factory)
    await hello.done


react(main, sys.argv[1:])
