"""A client that knows nothing of WebSockets: it connects to the string of an endpoint.

It fetches /large over HTTP, or sends a file. Then it prints the number of these bytes, their
checksum, and the bytes by which its memory has grown meanwhile.
"""

import sys
from hashlib import sha256
from pathlib import Path

from observations import observe
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import react
from twisted.protocols.basic import FileSender
from twisted.web.client import Agent
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer


def memory():
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


@implementer(IAgentEndpointFactory)
class Through:
    def __init__(self, endpoint):
        self.endpoint = endpoint

    def endpointForURI(self, uri):
        return self.endpoint


class Checksum(Protocol):
    def __init__(self):
        self.size, self.checksum, self.done = 0, sha256(), Deferred()

    def dataReceived(self, data):
        self.size += len(data)
        self.checksum.update(data)

    def connectionLost(self, reason):
        self.done.callback(None)


async def fetch(reactor, endpoint):
    agent = Agent.usingEndpointFactory(reactor, Through(endpoint))
    response = await agent.request(b"GET", b"http://localhost/large")
    before, body = memory(), Checksum()
    response.deliverBody(body)
    await body.done
    observe(size=body.size, sum=body.checksum.hexdigest(), growth=memory() - before)


async def send(reactor, endpoint, path):
    protocol = await connectProtocol(endpoint, Checksum())
    before, size, checksum = memory(), 0, sha256()

    def count(data):
        nonlocal size
        size += len(data)
        checksum.update(data)
        return data

    with open(path, "rb") as file:
        await FileSender().beginFileTransfer(file, protocol.transport, count)
        protocol.transport.loseConnection()
        await protocol.done
    observe(size=size, sum=checksum.hexdigest(), growth=memory() - before)


what, description, *arguments = sys.argv[1:]
play = {"fetch": fetch, "send": send}[what]
react(
    lambda reactor: ensureDeferred(
        play(reactor, clientFromString(reactor, description), *arguments)
    )
)
