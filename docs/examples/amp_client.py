"""Adds two numbers over AMP: python amp_client.py ws:localhost:8000:/amp"""

import sys

from amp_server import Sum
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.task import react
from twisted.protocols.amp import AMP


async def main(reactor, endpoint):
    """Connect, ask, and print the answer."""
    calculator = await connectProtocol(clientFromString(reactor, endpoint), AMP())
    answer = await calculator.callRemote(Sum, a=19, b=23)
    print(answer["total"])


react(lambda reactor, *words: Deferred.fromCoroutine(main(reactor, *words)), sys.argv[1:])
