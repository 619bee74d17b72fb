"""A server's process at its limits: told to stop amid conversations, out of descriptors."""

from twisted.internet import reactor
from twisted.internet.error import ConnectionRefusedError

import txws2
from tests.test_commands import TWISTD, CommandTestCase

# What twistd has open itself, and as many connections again.
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
        """Send SIGTERM; return when it has stopped listening."""
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
        options = "--app=tests.faults.applications:deaf", "--close-timeout=none"
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
