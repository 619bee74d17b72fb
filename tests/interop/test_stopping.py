"""A server's process at its limits: stopped amid conversations, and out of descriptors."""

import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater

import txws2
from tests.command.test_commands import ROOT, TWISTD, CommandTestCase, free_port
from tests.server.test_server import Answered
from tests.support.examples import blocks
from tests.support.sides import REQUEST

# This is for twistd's own descriptors, and as many connections again.
DESCRIPTORS = 64


class ProcessTestCase(CommandTestCase):
    timeout = 60

    async def start_server(self, *options, program=(TWISTD, "-n", "--pidfile=")):
        """Start twistd; return its process and the URI."""
        listen = "--listen=tcp:0:interface=127.0.0.1"
        process = self.start(*program, "ws", listen, *options, path=self.make_directory())
        shown = await process.shown(r"listening on (ws://127\.0\.0\.1:\d+/)")
        return process, shown[1]

    async def connect(self, uri):
        client = await txws2.connect(uri, reactor=reactor)
        self.addCleanup(client.close)
        return client

    async def assertEchoes(self, *clients):
        for client in clients:
            await client.send("hello")
            self.assertEqual(await client.recv(), "hello")


class DrainTests(ProcessTestCase):
    async def stop(self, process, uri, client):
        """Send SIGTERM; return when the process has stopped listening."""
        process.transport.signalProcess("TERM")
        await process.shown("Port .* Closed")
        await self.assertEchoes(client)
        with self.assertRaises(ConnectionRefusedError):
            await self.connect(uri)

    async def test_the_last_who_ends_ends_it(self):
        process, uri = await self.start_server("--drain=none")
        client = await self.connect(uri)
        await self.stop(process, uri, client)
        await client.close()
        self.assertEqual(client.close_code, 1000)
        await process.ended
        self.assertEqual(process.status, 0)

    async def test_a_second_signal_ends_it_at_once(self):
        process, uri = await self.start_server("--drain=none")
        client = await self.connect(uri)
        await self.stop(process, uri, client)
        process.transport.signalProcess("TERM")
        await client.wait_closed()
        self.assertEqual(client.close_code, 1001)
        await process.ended
        self.assertEqual(process.status, 0)

    async def test_a_second_signal_waits_for_no_handler(self):
        options = "--app=tests.faults.applications:unreceiving", "--close-timeout=none"
        process, uri = await self.start_server(*options)
        client = await self.connect(uri)
        process.transport.signalProcess("TERM")
        await client.wait_closed()
        process.transport.signalProcess("TERM")
        await process.ended
        self.assertEqual(process.status, 0)
        self.assertEqual(client.close_code, 1001)
        self.assertNotIn("Traceback", process.out + process.err)

    async def test_the_time_that_they_have_is_limited(self):
        process, uri = await self.start_server("--drain=0.5")
        client = await self.connect(uri)
        process.transport.signalProcess("TERM")
        await client.wait_closed()
        self.assertEqual(client.close_code, 1001)
        await process.ended
        self.assertEqual(process.status, 0)


BEGINNING = """
import sys
import txws2
from twisted.internet import defer, endpoints, protocol, reactor, task
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.web.server import Site

globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)

async def handler(ws):
    while True:
        await ws.send(await ws.recv())

class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)

tcp = "tcp:0:interface=127.0.0.1"
listening = lambda port: print("listening on", port.getHost().port, flush=True)
serving = lambda server: print("listening on", server.addresses[0].port, flush=True)
"""

WAYS = {
    "serve": "txws2.serve(handler, '127.0.0.1', 0).addCallback(serving)",
    "serve with an endpoint": "txws2.serve(handler, endpoint=tcp).addCallback(serving)",
    "an endpoint": (
        "factory = txws2.WebSocketServerFactory(handler)\n"
        "endpoints.serverFromString(reactor, tcp).listen(factory).addCallback(listening)"
    ),
    "the reactor": (
        "factory = txws2.WebSocketServerFactory(handler)\n"
        "listening(reactor.listenTCP(0, factory, interface='127.0.0.1'))"
    ),
    "WebSocketServerEndpoint": (
        "endpoint = txws2.WebSocketServerEndpoint(endpoints.serverFromString(reactor, tcp))\n"
        "endpoint.listen(protocol.Factory.forProtocol(Echo)).addCallback(listening)"
    ),
    "a string": (
        "endpoint = endpoints.serverFromString(reactor, 'ws:0:interface=127.0.0.1')\n"
        "endpoint.listen(protocol.Factory.forProtocol(Echo)).addCallback(listening)"
    ),
    "a resource": (
        "site = Site(txws2.WebSocketResource(handler))\n"
        "listening(reactor.listenTCP(0, site, interface='127.0.0.1'))"
    ),
    "a service": (
        "service = txws2.WebSocketService(tcp, handler)\n"
        "service.startService()\n"
        "print('listening on', service.addresses[0].port, flush=True)"
    ),
}

REACTING = """
async def main(reactor):
    server = await txws2.serve(handler, "127.0.0.1", 0)
    serving(server)
    await server.wait_closed()

task.react(lambda reactor: defer.ensureDeferred(main(reactor)))
"""


class WayTests(ProcessTestCase):
    """Row 18 of the contract, for each way to start a server."""

    async def run_script(self, script):
        """Run a script that serves; return its process and the port."""
        process = self.start(sys.executable, "-c", BEGINNING + script)
        shown = await process.shown(r"listening on (\d+)\n")
        return process, int(shown[1])

    async def assertStops(self, script, signal, site=False):
        process, port = await self.run_script(script)
        clients = [await self.connect(f"ws://127.0.0.1:{port}/") for _ in range(3)]
        for client in clients:
            await client.send(b"hello")
            self.assertEqual(await client.recv(decode=False), b"hello")
        opening = await self.ask(port)
        process.transport.signalProcess(signal)
        for client in clients:
            await client.wait_closed()
            self.assertEqual((client.close_code, client.close_reason), (1001, ""))
        if not site:
            # A site has only a part of the request, which no resource knows of yet.
            answer = await opening.end
            self.assertTrue(answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n"), answer)
        opening.transport.loseConnection()
        await process.ended
        self.assertNotIn("Traceback", process.out + process.err)
        self.assertNotIn("Unhandled", process.out + process.err)
        # The log says nothing of connections that were closed properly.
        self.assertNotIn("connection handler failed", process.out)

    async def ask(self, port):
        """Send half of a request."""
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        peer = await endpoint.connect(Factory.forProtocol(Answered))
        peer.transport.write(REQUEST[:40])
        # The server reads connections in the order in which their bytes came.
        client = await self.connect(f"ws://127.0.0.1:{port}/")
        await client.close()
        return peer

    async def test_serve(self):
        for signal in "TERM", "INT":
            await self.assertStops(WAYS["serve"] + "\nreactor.run()", signal)

    async def test_every_other_way(self):
        for way in WAYS.keys() - {"serve"}:
            await self.assertStops(WAYS[way] + "\nreactor.run()", "TERM", way == "a resource")

    async def test_react(self):
        for signal in "TERM", "INT":
            await self.assertStops(REACTING, signal)

    async def test_the_readme(self):
        server = blocks(Path(ROOT, "README.rst").read_text(), "python")[0]
        port = free_port()
        process = self.start(sys.executable, "-c", server.replace("8000", str(port)))
        client = await self.connect_soon(f"ws://127.0.0.1:{port}/")
        process.transport.signalProcess("TERM")
        await client.wait_closed()
        self.assertEqual(client.close_code, 1001)
        await process.ended
        self.assertEqual(process.status, 0, process.err)
        self.assertRegex(process.err, r"^(.+ listening on .+\n)+$")

    async def connect_soon(self, uri):
        while True:
            try:
                return await self.connect(uri)
            except ConnectionRefusedError:
                await deferLater(reactor, 0.05)

    async def test_a_handler_that_closes_its_server_does_not_wait_for_itself(self):
        closing = """
async def handler(ws):
    await ws.recv()
    await server.close()
    print("closed", flush=True)
    reactor.stop()

def keep(started):
    global server
    server = started
    serving(server)

txws2.serve(handler, "127.0.0.1", 0, close_timeout=3600).addCallback(keep)
reactor.run()
"""
        process, port = await self.run_script(closing)
        client = await self.connect(f"ws://127.0.0.1:{port}/")
        await client.send("close")
        await client.wait_closed()
        self.assertEqual(client.close_code, 1001)
        await process.ended
        self.assertIn("closed", process.out)


class DescriptorTests(ProcessTestCase):
    """Attack 22."""

    async def exhaust(self, uri):
        """Open connections until there are no more to be had; return them."""
        clients = []
        while len(clients) < DESCRIPTORS:
            try:
                clients.append(await self.connect(uri))
            except txws2.InvalidHandshake:
                return clients
        raise AssertionError("there is no end to them")

    async def test_without_free_descriptors_it_goes_on_and_accepts_again_when_there_are(self):
        limited = f'ulimit -n {DESCRIPTORS}; exec "$0" "$@"'
        process, uri = await self.start_server(
            program=("/bin/sh", "-c", limited, TWISTD, "-n", "--pidfile=")
        )
        clients = await self.exhaust(uri)
        self.assertGreater(len(clients), DESCRIPTORS // 2)
        for _ in range(3):
            await self.assertEchoes(*clients)
            await clients.pop().close()
            clients.append(await self.connect(uri))
            await self.assertEchoes(*clients)
            with self.assertRaises(txws2.InvalidHandshake):
                await self.connect(uri)
        self.assertNotIn("Traceback", process.out + process.err)
