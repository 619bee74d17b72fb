"""A short run of `make chaos`, with chosen faults instead of random ones."""

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from tests.chaos.cutting import Fault, Kind
from tests.chaos.played import Stage, connections

MESSAGES = [f"message {number}" for number in range(100)]


class ChaosTests(TestCase):
    timeout = 60

    async def play(self, faults=(), deadly=(), **between):
        """Send the messages; the server dies after it has handled a deadly one."""
        before = connections()
        stage = Stage(reactor, self.mktemp(), faults, deadly, **between)
        await stage.open()
        self.addCleanup(stage.close)
        sender = await stage.send(MESSAGES)
        self.assertEqual(sender.unacknowledged, {})
        self.assertEqual(stage.handled(), (dict(enumerate(MESSAGES)), len(MESSAGES)))
        await stage.close()
        del sender
        self.assertEqual(set(connections() - before), set())
        return stage

    async def test_without_faults_all_arrive(self):
        stage = await self.play()
        self.assertEqual(stage.deaths, 0)

    async def test_all_arrive_although_connections_are_cut(self):
        # The opening handshake has about 400 bytes: the cuts are in it, at its end, and later.
        faults = [Fault(Kind.CUT, after) for after in (0, 100, 300, 400, 450, 600, 1000)]
        stage = await self.play(faults)
        self.assertEqual(stage.proxy.happened[Kind.CUT], len(faults))

    async def test_all_arrive_although_connections_are_half_closed(self):
        faults = [Fault(Kind.HALF_CLOSE, after) for after in (0, 300, 450, 601, 1000)]
        stage = await self.play(faults)
        self.assertEqual(stage.proxy.happened[Kind.HALF_CLOSE], len(faults))

    async def test_all_arrive_although_connections_go_silent(self):
        faults = [Fault(Kind.SILENCE, after) for after in (450, 600)]
        stage = await self.play(faults)
        self.assertEqual(stage.proxy.happened[Kind.SILENCE], len(faults))

    async def test_all_arrive_although_connections_are_slow(self):
        stage = await self.play([Fault(Kind.DELAY, after=450, seconds=0.05)])
        self.assertEqual(stage.proxy.happened[Kind.DELAY], 1)

    async def test_all_arrive_although_the_server_dies_before_it_has_answered(self):
        stage = await self.play(deadly=[0, 10, 50, 99])
        self.assertEqual(stage.deaths, 4)

    async def test_all_arrive_with_all_faults(self):
        faults = [Fault(kind, 500 + 10 * place) for place, kind in enumerate(list(Kind) * 2)]
        stage = await self.play(faults, deadly=[5, 95])
        self.assertEqual(stage.deaths, 2)

    async def test_all_arrive_with_all_faults_over_tls(self):
        # The handshake of TLS has about 2 KB.
        faults = [Fault(kind, after) for after in (300, 1500, 3500) for kind in Kind]
        stage = await self.play(faults, deadly=[5], tls=True)
        self.assertEqual(stage.deaths, 1)

    async def test_all_arrive_although_a_proxy_can_not_reach_the_server_for_a_while(self):
        faults = [Fault(kind, after) for after in (30, 100, 900) for kind in Kind]
        stage = await self.play(faults, deadly=[5, 95], tunnel=True)
        self.assertEqual(stage.deaths, 2)

    async def test_all_arrive_through_a_proxy_with_all_faults(self):
        faults = [Fault(kind, after) for after in (30, 1500, 3500) for kind in Kind]
        stage = await self.play(faults, deadly=[50], tls=True, tunnel=True)
        self.assertEqual(stage.deaths, 1)
