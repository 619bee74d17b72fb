"""Two servers in memory, one of which forwards to the other."""

from twisted.logger import formatEvent

import txws2
from tests.support.sides import QuietTestCase
from txws2.exceptions import InvalidStatus
from txws2.forward import Forward
from txws2.testing import ScriptedServer


class UpstreamTestCase(QuietTestCase):
    """Has two servers in memory: `outer` forwards to `inner`."""

    def setUp(self):
        super().setUp()
        self.received = []

    async def echo(self, ws):
        async for message in ws:
            self.received.append(message)
            await ws.send(message)

    def serve(self, handler=None, *, where="ws://inner/", path="/", outer=None, **options):
        self.inner = ScriptedServer(handler or self.echo, at="ws://inner/", **options)
        self.reactor = self.inner.reactor
        self.forward = Forward(where, path=path, reactor=self.reactor)
        self.outer = ScriptedServer(
            self.forward, at="ws://outer/", reactor=self.reactor, **(outer or {})
        )

    def connect(self, path="/", **options):
        return self.reactor.result_of(self.connecting(path, **options))

    def connecting(self, path="/", **options):
        return txws2.connect(f"ws://outer{path}", reactor=self.reactor, proxy=None, **options)

    def refused(self, *arguments, **options):
        failed = self.assertRaises(InvalidStatus, self.connect, *arguments, **options)
        return failed.response

    def warnings(self):
        """Return the warnings about refused requests, and forget them."""
        texts = [formatEvent(event) for event in self.events if "unsaid" in event]
        self.events.clear()
        return texts

    def last_request(self):
        return self.inner.attempts[-1].request
