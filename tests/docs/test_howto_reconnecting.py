"""docs/howto/reconnecting.rst shows code that works."""

import importlib.util
from functools import partial
from pathlib import Path

from twisted.application.service import IServiceCollection
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import TestCase

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from tests.support.printed import PrintedTestCase
from txws2.testing import ScriptedServer
from txws2.wire.http.heads import Response

DOCS = Path(ROOT, "docs")
PAGE = (DOCS / "howto" / "reconnecting.rst").read_text()
BACKOFF, PATIENT, CAREFUL, SIGNED, SERVICE = blocks(PAGE, "python")


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

    async def test_the_service_is_as_shown(self):
        names = {"print": self.heard.append}
        uri = await self.serve()
        exec(SERVICE.replace("wss://example.com/feed", uri), names)
        application = IServiceCollection(names["application"])
        names["feed"]._backoff = txws2.Backoff(initial=0, minimum=0)
        application.startService()
        await self.third
        await application.stopService()
        self.assertEqual(self.asked, ['{"subscribe": "prices"}'] * 3)
        self.assertEqual(self.heard, ["1", "2", "3"])


class OptionsTests(PrintedTestCase):
    def reach(self, block, *uri):
        """Run a block, and connect as it does; return its names and the attempt."""
        names = self.run_printed(block)
        with ScriptedServer(lambda ws: ws.wait_closed()) as server:
            connecting = server.start(names["feed"](*uri))
            server.pump()
            self.successResultOf(connecting)
        return names, server.attempts[-1]

    def test_the_waits_are_shorter(self):
        _, attempt = self.reach(BACKOFF, "ws://example.com/")
        self.assertTrue(attempt.opened)

    def test_a_404_is_tried_again(self):
        names, _ = self.reach(PATIENT, "ws://example.com/")
        for status, ends in (404, False), (503, False), (401, True):
            exc = txws2.InvalidStatus(Response(status, ""))
            self.assertIs(names["patient"](exc), exc if ends else None)

    def test_a_code_is_final(self):
        names, _ = self.reach(CAREFUL, "ws://example.com/")
        careful = names["careful"]
        for code, ends in (4004, True), (4005, False), (1011, False):
            exc = txws2.ConnectionClosedError(txws2.Close(code), txws2.Close(code), True)
            self.assertIs(careful(exc), exc if ends else None)
        self.assertIsNone(careful(txws2.ConnectionClosedError(None, None)))

    def test_each_attempt_has_a_uri_and_headers_of_its_own(self):
        Path("token").write_text("abc\n")
        self.addCleanup(Path("token").unlink)
        _, attempt = self.reach(SIGNED)
        self.assertRegex(attempt.uri, r"^wss://example\.com/feed\?time=\d+&signature=\w{64}$")
        self.assertEqual(attempt.request.headers["Authorization"], "Bearer abc")
