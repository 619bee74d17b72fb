"""Applications that raise, hang, or block the reactor; and clocks that are set."""

from time import perf_counter

import pytest
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectionDone
from twisted.internet.task import deferLater

from tests.faults.cases import MIB, FaultCase
from tests.faults.figures import Memory, note
from tests.faults.others import Others, connect_many, start_others
from tests.faults.strangers import HEAD
from tests.faults.victim import start_victim
from tests.interop.raw_client import NO_MASK, RawClient, connect, frame

pytestmark = pytest.mark.faults

HANDLERS = 200
TIMES, BLOCKED = 5, 1
# The reactor is blocked for LONG seconds; every timeout of the server is TIMEOUT seconds.
LONG, TIMEOUT = 30, 5
MANY = 20
AN_HOUR = 3600
CLOSE = frame(8, (1000).to_bytes(2, "big"), NO_MASK)


class Told(RawClient):
    """Keeps the reason of its connectionLost.

    Attributes:
        reason: the exception of that reason.
    """

    def connectionLost(self, reason):
        self.reason = reason.value
        super().connectionLost(reason)


class HandlerTests(FaultCase):
    async def test_attack_23_handlers_that_raise(self):
        victim = await start_victim(self)
        others = await start_others(self, victim.uri)
        await self.fail_all(victim)
        others.take_p99()
        self.begin(victim)
        await self.fail_all(victim)
        p99 = others.take_p99()
        memory = await self.survive(victim, growth=2 * MIB)
        await others.stop()
        loud = await victim.end()
        events = [line for line in loud if "connection handler failed" in line]
        self.assertEqual(len(events), 2 * HANDLERS)
        # Each event has its traceback, and nothing else is logged.
        self.assertEqual(len(loud), 4 * HANDLERS)
        note(
            23,
            "handlers that raise",
            f"{HANDLERS}, each closed with 1011 and logged once",
            f"100, p99 {p99 * 1000:.0f} ms",
            memory,
        )

    async def fail_all(self, victim):
        clients = await connect_many(self, f"{victim.uri}failing", HANDLERS)
        for ws in clients:
            await ws.send("no luck")
        await gatherResults([ws.wait_closed() for ws in clients])
        self.assertEqual({ws.close_code for ws in clients}, {1011})

    async def test_attack_23_handlers_that_hang(self):
        victim = await start_victim(self, "--close-timeout=2")
        others = await start_others(self, victim.uri)
        before = victim.memory
        victim.forget_peak()
        clients = await connect_many(self, f"{victim.uri}unreceiving", HANDLERS)
        await others.served()
        p99 = others.take_p99()
        await others.stop()
        memory = Memory(before, victim.peak, victim.memory)
        begin = perf_counter()
        self.assertEqual(await victim.end(), [])
        seconds = perf_counter() - begin
        await gatherResults([ws.wait_closed() for ws in clients])
        self.assertEqual({ws.close_code for ws in clients}, {1001})
        self.assertLess(seconds, 10)
        note(
            23,
            "handlers that hang",
            f"{HANDLERS}; SIGTERM ends them in {seconds:.1f} s, with a close_timeout of 2 s",
            f"100, p99 {p99 * 1000:.0f} ms",
            memory,
        )

    async def test_attack_23_handlers_that_block_the_reactor(self):
        victim = await start_victim(self, "--ping-interval=0.5", "--ping-timeout=0.5")
        # These clients send only pongs, and the server is blocked again before it reads them.
        silent = await connect_many(self, victim.uri, 100)
        blocking = await connect_many(self, f"{victim.uri}blocking", TIMES)
        self.begin(victim)
        for ws in blocking:
            await ws.send(str(BLOCKED))
            await deferLater(reactor, BLOCKED * 0.8)
        for ws in blocking:
            self.assertEqual(await ws.recv(), str(BLOCKED))
        others = Others(self, silent)
        await others.served()
        await others.stop()
        memory = await self.survive(victim, growth=2 * MIB)
        self.assertEqual(await victim.end(), [])
        note(
            23,
            "handlers that block the reactor",
            f"{TIMES}, each for {BLOCKED} s, with a ping_timeout of 0.5 s",
            "100, none was closed",
            memory,
        )

    async def test_attack_23_a_handler_that_blocks_for_longer_than_any_timeout(self):
        names = ("ping-interval", "ping-timeout", "open-timeout", "close-timeout")
        victim = await start_victim(self, *(f"--{name}={TIMEOUT}" for name in names))
        silent = await connect_many(self, victim.uri, 100)
        [blocking] = await connect_many(self, f"{victim.uri}blocking", 1)
        closing = [await self.half_a_closing(victim) for _ in range(MANY)]
        self.begin(victim)
        opening = [await self.half_a_request(victim) for _ in range(MANY)]
        # Its answer shows that the server has read all of that.
        await silent[0].send("hello")
        await silent[0].recv()
        await blocking.send(str(LONG))
        await deferLater(reactor, 1)
        for client in opening:
            client.transport.write(HEAD[len(HEAD) // 2 :])
        for client in closing:
            client.transport.write(CLOSE)
        self.assertEqual(await blocking.recv(), str(LONG))
        for client in opening:
            self.assertIn(b" 101 ", await client.opened)
        await gatherResults([client.lost for client in closing])
        self.assertEqual({type(client.reason) for client in closing}, {ConnectionDone})
        others = Others(self, silent)
        await others.served()
        await others.stop()
        for client in opening:
            client.transport.resumeProducing()
            client.transport.write(CLOSE)
        memory = await self.survive(victim, growth=2 * MIB)
        self.assertEqual(await victim.end(), [])
        note(
            23,
            "a handler that blocks the reactor",
            f"for {LONG} s, with timeouts of {TIMEOUT} s, during {MANY} opening and {MANY} closing "
            "handshakes",
            f"{100 + 2 * MANY}, none was given up",
            memory,
        )

    async def test_the_clock_is_set(self):
        names = ("ping-interval", "ping-timeout", "open-timeout")
        victim = await start_victim(self, *(f"--{name}={TIMEOUT}" for name in names))
        others = await start_others(self, victim.uri)
        silent = await connect_many(self, victim.uri, 100)
        [setting] = await connect_many(self, f"{victim.uri}setting", 1)
        self.begin(victim)
        for seconds in AN_HOUR, -AN_HOUR, AN_HOUR:
            opening = [await self.half_a_request(victim) for _ in range(MANY)]
            await others.served()
            await setting.send(str(seconds))
            self.assertEqual(await setting.recv(), str(seconds))
            for client in opening:
                client.transport.write(HEAD[len(HEAD) // 2 :])
            for client in opening:
                self.assertIn(b" 101 ", await client.opened)
                client.transport.resumeProducing()
                client.transport.write(CLOSE)
            await gatherResults([client.lost for client in opening])
            await deferLater(reactor, 2 * TIMEOUT + 1)
            await others.served()
        p99 = others.take_p99()
        await others.stop()
        others = Others(self, silent)
        await others.served()
        await others.stop()
        memory = await self.survive(victim, growth=2 * MIB)
        self.assertEqual(await victim.end(), [])
        note(
            None,
            "a clock that is set",
            f"ahead by an hour, back and ahead again, with timeouts of {TIMEOUT} s, each time "
            f"during {MANY} opening handshakes",
            f"200, none was closed, p99 {p99 * 1000:.0f} ms",
            memory,
        )

    async def half_a_request(self, victim):
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", victim.port)
        client = await connectProtocol(endpoint, Told())
        self.addCleanup(lambda: client.lost)
        self.addCleanup(client.transport.abortConnection)
        client.transport.write(HEAD[: len(HEAD) // 2])
        return client

    async def half_a_closing(self, victim):
        client = await connect(self, victim.port, "/leaving", Told())
        client.transport.resumeProducing()
        client.transport.write(frame(1, b"go", NO_MASK))
        self.assertEqual(await client.read(4), frame(8, (1000).to_bytes(2, "big")))
        return client
