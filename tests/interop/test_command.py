"""`python -m txws2` as a process: streams that are closed or full, and signals."""

import signal
import sys

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from tests.command.test_commands import ROOT, Command, CommandTestCase
from tests.support.sides import answer


class Mute(Protocol):
    """Accepts a client, and then sends no more, whatever it receives."""

    def __init__(self):
        self.request, self.hears = b"", Deferred()

    def dataReceived(self, data):
        if self.request.endswith(b"\r\n\r\n"):
            self.hears.callback(data)
            return
        self.request += data
        if self.request.endswith(b"\r\n\r\n"):
            self.transport.write(answer(self.request) + b"\x81\x05ready")
            self.factory.accepted.callback(self)


class StreamTests(CommandTestCase):
    async def run_with(self, uri, descriptors):
        """Run the command with these file descriptors only."""
        command = Command()
        arguments = [sys.executable, "-m", "txws2", uri]
        reactor.spawnProcess(
            command, sys.executable, arguments, {"PYTHONPATH": ROOT}, childFDs=descriptors
        )
        self.addCleanup(command.kill)
        return await command.ended

    async def test_a_closed_stdout_is_reported(self):
        uri = await self.serve(lambda ws: ws.wait_closed())
        self.assertOneLine(await self.run_with(uri, {0: "w", 2: "r"}), "standard output is closed")

    async def test_a_closed_stdin_is_reported(self):
        uri = await self.serve(lambda ws: ws.wait_closed())
        command = await self.run_with(uri, {1: "r", 2: "r"})
        self.assertOneLine(command, "standard input is closed")

    async def test_without_stderr_it_runs(self):
        uri = await self.serve(lambda ws: ws.send("hello"))
        command = await self.run_with(uri, {0: "w", 1: "r"})
        self.assertEqual((command.status, command.out), (0, "hello\n"))

    async def test_without_any_it_ends(self):
        uri = await self.serve(lambda ws: ws.wait_closed())
        self.assertEqual((await self.run_with(uri, {})).status, 1)

    async def test_a_full_device_is_reported(self):
        uri = await self.serve(lambda ws: ws.send("hello"))
        with open("/dev/full", "wb") as full:
            command = await self.run_with(uri, {0: "w", 1: full.fileno(), 2: "r"})
        self.assertEqual(command.status, 1)
        self.assertIn("can't print all messages: No space left on device", command.err)


class SignalTests(CommandTestCase):
    async def stop(self, name):
        """Connect to a server that doesn't answer, and send a signal; return the command."""
        factory = Factory.forProtocol(Mute)
        factory.accepted = Deferred()
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        command = self.start(
            sys.executable, "-m", "txws2", f"ws://127.0.0.1:{port.getHost().port}/"
        )
        server = await factory.accepted
        await command.shown("ready")
        self.addCleanup(server.transport.abortConnection)
        command.transport.signalProcess(name)
        # The close frame has come; the command waits for the server's.
        self.assertEqual((await server.hears)[0], 0x88)
        self.assertFalse(command.ended.called)
        return command

    async def test_a_second_one_ends_it_at_once(self):
        for name in "INT", "TERM":
            command = await self.stop(name)
            command.transport.signalProcess(name)
            await command.ended
            self.assertEqual(command.signal, signal.Signals[f"SIG{name}"])
