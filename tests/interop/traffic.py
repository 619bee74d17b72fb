"""All kinds of traffic, over real sockets."""

import gc
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet import asyncioreactor
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, gatherResults
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.protocol import Factory
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.internet.task import deferLater
from twisted.protocols.basic import LineReceiver
from twisted.web.client import Agent, readBody
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

import txws2
from tests.support.certificates import certify

HOST = "127.0.0.1"
LARGE = b"0123456789abcdef" * 2**15
PART = b"x" * 2**16


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class Parting(txws2.WebSocketServerProtocol):
    """Sends a message, and closes the transport under it, as old protocols do."""

    messages = ()

    def connectionOpened(self):
        for message in self.messages:
            self.sendMessage(message)
        self.part()

    def part(self):
        self.transport.loseConnection()


class HalfParting(Parting):
    def part(self):
        self.transport.loseWriteConnection()


class Shouting(LineReceiver):
    def lineReceived(self, line):
        self.sendLine(line.upper())


class Asking(LineReceiver):
    def __init__(self):
        self.heard = Deferred()

    def connectionMade(self):
        self.sendLine(b"hello")

    def lineReceived(self, line):
        self.heard.callback(line)


def uri_of(server, scheme="ws"):
    return f"{scheme}://localhost:{server.addresses[0].port}/"


async def exchange(uri, **options):
    """Let a server echo every kind of message, for several clients at once."""
    clients = [await txws2.connect(uri, **options) for _ in range(6)]
    for message in ("hello", b"\0" * 300, "€" * 50_000, LARGE):
        await gatherResults([ws.send(message) for ws in clients])
        for ws in clients:
            assert await ws.recv() == message
    for number in range(200):
        clients[0].sendMessage(str(number))
    for number in range(200):
        assert await clients[0].recv() == str(number)
    assert await clients[1].ping() >= 0
    # The results of these Deferreds are ignored.
    clients[1].ping()
    clients[1].recv()
    await gatherResults([ws.close() for ws in clients])
    assert {ws.close_code for ws in clients} == {1000}


async def cancelled(uri):
    ws = await txws2.connect(uri)
    waiting = ws.recv()
    waiting.cancel()
    with suppress(CancelledError):
        await waiting
    await ws.send("later")
    reading = ws.recv()
    assert await reading == "later"
    closing = ensureDeferred(_see_close(ws))
    await ws.close(4000, "enough")
    await closing


async def _see_close(ws):
    with suppress(txws2.ConnectionClosed):
        await ws.recv()
    assert ws.close_code == 4000


async def part(kind, endpoint, scheme="ws", **options):
    """Receive all messages of a server that closes its transport right after it."""
    for messages in (["good-bye"], [PART * 2], [PART * 15, "good-bye"]):
        said = type(kind.__name__, (kind,), {"messages": messages})
        # Only the transport may end the connection.
        silent = {"ping_interval": None, "compression": None}
        async with txws2.serve(None, create_protocol=said, endpoint=endpoint, **silent) as server:
            ws = await txws2.connect(uri_of(server, scheme), **silent, **options)
            for message in messages:
                assert await ws.recv() == message
            await ws.wait_closed()


async def broadcasts(reactor):
    """Send to a client that doesn't read as long as the others do."""
    async with txws2.serve(lambda ws: ws.wait_closed(), HOST, 0, compression=None) as server:
        uri = uri_of(server)
        slow, *fast = [await txws2.connect(uri, compression=None) for _ in range(3)]
        sent = 0
        while txws2.broadcast(server.connections, PART, slow="skip") == 3:
            sent += 1
            for ws in fast:
                assert await ws.recv() == PART
        for ws in fast:
            assert await ws.recv() == PART
        for _ in range(sent):
            assert await slow.recv() == PART
        await deferLater(reactor, 0.05)
        assert txws2.broadcast(server.connections, "again", slow="skip") == 3
        for ws in (slow, *fast):
            assert await ws.recv() == "again"


async def wrapped(reactor):
    below = TCP4ServerEndpoint(reactor, 0, interface=HOST)
    port = await txws2.WebSocketServerEndpoint(below).listen(Factory.forProtocol(Shouting))
    endpoint = txws2.WebSocketClientEndpoint(reactor, f"ws://{HOST}:{port.getHost().port}/")
    asking = await connectProtocol(endpoint, Asking())
    assert await asking.heard == b"HELLO"
    asking.transport.loseConnection()
    await port.stopListening()


async def site(reactor):
    root = Resource()
    resource = txws2.WebSocketResource(echo)
    root.putChild(b"chat", resource)
    port = reactor.listenTCP(0, Site(root), interface=HOST)
    await exchange(f"ws://{HOST}:{port.getHost().port}/chat")
    await resource.close()
    await port.stopListening()


async def mounts(reactor):
    root = Resource()
    root.putChild(b"words", Data(b"hello", "text/plain"))
    both = txws2.Mounts({"/chat": txws2.WebSocketServerFactory(echo)}, Site(root))
    port = reactor.listenTCP(0, both, interface=HOST)
    address = f"{HOST}:{port.getHost().port}"
    await exchange(f"ws://{address}/chat")
    response = await Agent(reactor).request(b"GET", f"http://{address}/words".encode())
    assert await readBody(response) == b"hello"
    await port.stopListening()


async def over_tls(reactor):
    certificate, pem = certify("localhost", HOST)
    endpoint = SSL4ServerEndpoint(reactor, 0, certificate.options(), interface=HOST)
    with TemporaryDirectory() as directory:
        authority = Path(directory, "authority.pem")
        authority.write_bytes(pem)
        async with txws2.serve(echo, endpoint=endpoint) as server:
            await exchange(uri_of(server, "wss"), tls=authority)
            await exchange(uri_of(server, "wss"), tls=authority, compression=None)
            creator = optionsForClientTLS("localhost", Certificate.loadPEM(pem))
            await exchange(uri_of(server, "wss"), tls=creator)
            await distrusted(uri_of(server, "wss"))
        await part(Parting, endpoint, "wss", tls=authority)


async def distrusted(uri):
    """Connect with the authorities of this machine, which don't know the server's certificate."""
    reason = ""
    try:
        await txws2.connect(uri)
    except Exception as exc:
        reason = str(exc)
    if "certificate" not in reason:
        raise AssertionError(f"expected a failure because of the certificate; it is {reason!r}")


async def main(reactor):
    async with txws2.serve(echo, HOST, 0) as server:
        await exchange(uri_of(server))
        await exchange(uri_of(server), compression=None)
        await cancelled(uri_of(server))
    plain = TCP4ServerEndpoint(reactor, 0, interface=HOST)
    for kind in (Parting, HalfParting):
        await part(kind, plain)
    await over_tls(reactor)
    await broadcasts(reactor)
    await wrapped(reactor)
    await site(reactor)
    await mounts(reactor)
    gc.collect()


def run(reactor):
    """Run all traffic, on the global reactor or on asyncio's; the process ends with it."""
    if reactor == "asyncio":
        # The reactor is installed already, so txws2 asks for no other loop.
        asyncioreactor.install()
        txws2.run(main, reactor="asyncio")
    else:
        txws2.run(main)
