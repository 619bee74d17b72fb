"""docs/howto/reconnecting.rst shows code that works."""

import importlib.util
from functools import partial
from pathlib import Path

from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.trial.unittest import TestCase

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2.wire.http.heads import Response

DOCS = Path(ROOT, "docs")


def example(name):
    """Import one of the examples."""
    path = DOCS / "examples" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ReconnectingTests(TestCase):
    timeout = 60

    def setUp(self):
        self.howto = (DOCS / "howto" / "reconnecting.rst").read_text()
        self.heard, self.asked = [], []
        self.third = Deferred()

    async def handler(self, ws):
        """Say something on each connection, and break the first two."""
        self.asked.append(await ws.recv())
        await ws.send(f"{len(self.asked)}")
        await ws.ping()
        if len(self.asked) < 3:
            ws.transport.abortConnection()
        else:
            self.third.callback(None)
            await ws.wait_closed()

    async def serve(self, handler=None):
        server = await txws2.serve(handler or self.handler, "127.0.0.1", 0)
        self.addCleanup(server.close)
        return f"ws://127.0.0.1:{server.addresses[0].port}/"

    async def test_the_loop_comes_back_and_asks_again(self):
        shown = example("reconnecting")
        shown.connect = partial(txws2.connect, backoff=txws2.Backoff(initial=0, minimum=0))
        listening = Deferred.fromCoroutine(shown.listen(await self.serve(), self.heard.append))
        await self.third
        listening.cancel()
        await self.assertFailure(listening, CancelledError)
        self.assertEqual(self.asked, ["subscribe"] * 3)
        self.assertEqual(self.heard, ["1", "2", "3"])

    async def test_the_options_are_as_shown(self):
        uri = await self.serve(lambda ws: ws.wait_closed())
        names = {"txws2": txws2, "uri": uri, "sign": str, "fetch_token": lambda: succeed("0")}
        for block in blocks(self.howto, "python")[:4]:
            exec(block, names)
            ws = await names["connecting"]
            await ws.close()
        self.assertEqual(ws.request.headers["Authorization"], "Bearer 0")
        patient, careful = names["patient"], names["careful"]
        for status, ends in (404, False), (503, False), (401, True):
            exc = txws2.InvalidStatus(Response(status, ""))
            self.assertIs(patient(exc), exc if ends else None)
        for code, ends in (4004, True), (4005, False), (1011, False):
            exc = txws2.ConnectionClosedError(txws2.Close(code), txws2.Close(code), True)
            self.assertIs(careful(exc), exc if ends else None)
        self.assertIsNone(careful(txws2.ConnectionClosedError(None, None)))

    async def test_the_service_is_as_shown(self):
        application = MultiService()
        names = {"txws2": txws2, "uri": await self.serve(), "application": application}
        names["print"] = self.heard.append
        exec(blocks(self.howto, "python")[4], names)
        names["feed"]._backoff = txws2.Backoff(initial=0, minimum=0)
        application.startService()
        await self.third
        await application.stopService()
        self.assertEqual(self.asked, ['{"subscribe": "prices"}'] * 3)
        self.assertEqual(self.heard, ["1", "2", "3"])
