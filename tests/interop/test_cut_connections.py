"""Networks cut, half-close, delay and swallow connections, at many points.

`connect` goes through a proxy that does that, and has one outcome, in time.
"""

import contextlib
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.trial.unittest import TestCase

import txws2
from tests.chaos.cutting import CuttingProxy, Fault, Kind
from tests.support.certificates import certify
from tests.support.tunnels import start_proxy

POINTS = 16
"""The number of points, from the first byte of a session to its last: before, within and after
the bytes of the proxy, of TLS, of HTTP and of the messages."""

OPTIONS = {
    "open_timeout": 1,
    "ping_interval": 0.2,
    "ping_timeout": 0.2,
    "close_timeout": 0.2,
    "compression": None,
}

IN_TIME = 10
"""Seconds for a whole connection: to open, to be found dead, to close, and many to spare."""


async def echo(ws):
    with contextlib.suppress(txws2.ConnectionClosed):
        async for message in ws:
            await ws.send(message)


class CutTests(TestCase):
    """Attack 21, on real sockets."""

    timeout = 60
    scheme, proxied, options = "ws", False, OPTIONS

    async def setUp(self):
        certificate, pem = certify("localhost")
        self.authority = Path(self.mktemp())
        self.authority.write_bytes(pem)
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        if self.scheme == "wss":
            contexts = certificate.options()
            endpoint = SSL4ServerEndpoint(reactor, 0, contexts, interface="127.0.0.1")
        server = await txws2.serve(echo, endpoint=endpoint, close_timeout=0.2)
        self.addCleanup(server.close)
        self.target = server.addresses[0].port
        if self.proxied:
            self.tunnels = await start_proxy(self)
            self.addCleanup(self.end_of_tunnels)

    def end_of_tunnels(self):
        for entrance in self.tunnels.entrances:
            entrance.transport.abortConnection()

    async def put_in_between(self, *faults):
        """Put a proxy with these faults in between; return it, the URI, and `connect`'s options."""
        target = int(self.tunnels.url.rpartition(":")[2]) if self.proxied else self.target
        cutting = CuttingProxy(reactor, target, faults)
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(cutting)
        self.addCleanup(port.stopListening)
        self.addCleanup(cutting.cut_all)
        where = port.getHost().port
        options = {"tls": self.authority, **self.options}
        if not self.proxied:
            return cutting, f"{self.scheme}://localhost:{where}/", options
        options["proxy"] = f"http://127.0.0.1:{where}"
        return cutting, f"{self.scheme}://localhost:{self.target}/", options

    async def talk(self, uri, options):
        """Connect, talk, and close; return the close code, or the exception."""
        try:
            ws = await txws2.connect(uri, **options)
        except txws2.InvalidHandshake as exc:
            return exc
        pending = [ws.ping(), ws.recv(), ws.send("x" * 1000)]
        for deferred in pending:
            deferred.addErrback(lambda _: None)
        await gatherResults(pending)
        await ws.close()
        return ws.close_code

    async def outcome(self, fault):
        _, uri, options = await self.put_in_between(fault)
        began = reactor.seconds()
        outcome = await self.talk(uri, options)
        self.assertLess(reactor.seconds() - began, IN_TIME)
        return outcome

    async def outcomes(self, kind):
        """Return the outcomes of this fault at each of the points."""
        whole, uri, options = await self.put_in_between()
        self.assertEqual(await self.talk(uri, options), 1000)
        faults = [Fault(kind, whole.carried * place // POINTS, 0.1) for place in range(POINTS)]
        return await gatherResults([Deferred.fromCoroutine(self.outcome(each)) for each in faults])

    def assertAllEnd(self, outcomes):
        """Assert that all have ended: at first as failures to open, later as broken connections."""
        self.assertIsInstance(outcomes[0], txws2.InvalidHandshake)
        self.assertEqual(outcomes[-2], 1006)
        for outcome in outcomes:
            self.assertIn(outcome if isinstance(outcome, int) else "failed", (1000, 1006, "failed"))

    async def test_a_reset(self):
        self.assertAllEnd(await self.outcomes(Kind.CUT))

    async def test_a_half_close(self):
        self.assertAllEnd(await self.outcomes(Kind.HALF_CLOSE))

    async def test_silence(self):
        outcomes = await self.outcomes(Kind.SILENCE)
        self.assertAllEnd(outcomes)
        self.assertIs(type(outcomes[0]), txws2.OpeningTimeout)

    async def test_a_delay_is_no_end(self):
        self.options = {"compression": None}
        self.assertEqual(set(await self.outcomes(Kind.DELAY)), {1000})


class CutOverTLSTests(CutTests):
    """Attack 21, on real sockets, over TLS."""

    scheme = "wss"


class CutThroughProxyTests(CutTests):
    """Attack 21, on real sockets, through a proxy."""

    proxied = True


class CutOverTLSThroughProxyTests(CutTests):
    """Attack 21, on real sockets, over TLS through a proxy."""

    scheme, proxied = "wss", True
