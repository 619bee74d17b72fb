"""A program whose author has forgotten to run the reactor ends with advice."""

import sys

from tests.support.examples import ExampleTestCase

HANDLER = """
import os, sys
import txws2

async def handler(ws):
    pass

"""
SERVE = "txws2.serve(handler, '127.0.0.1', 0)"
CONNECT = "txws2.connect('ws://127.0.0.1:9/')"


class ForgottenTests(ExampleTestCase):
    async def said(self, text, status=0):
        path = self.make_directory() / "example.py"
        path.write_text(HANDLER + text)
        process = self.start(sys.executable, str(path))
        await process.ended
        self.assertEqual((process.status, process.out), (status, ""), process.err)
        return process.err

    async def test_a_program_that_serves_is_warned_in_one_line(self):
        for text in SERVE, f"{SERVE}\n{SERVE}", "txws2.serve(handler, endpoint='tcp:0')":
            said = await self.said(text)
            self.assertRegex(said, r"^txws2: serve\(\) .* the reactor was never run, .*\n$")
            self.assertIn('call txws2.run(handler, "localhost", 8000)', said)

    async def test_a_program_that_serves_at_a_name_is_warned_in_one_line(self):
        self.assertIn("serve()", await self.said("txws2.serve(handler, 'name.invalid', 0)"))

    async def test_a_program_that_connects_is_warned_in_one_line(self):
        for text in CONNECT, "txws2.connect(lambda: 'ws://127.0.0.1:9/')":
            said = await self.said(text)
            self.assertRegex(said, r"^txws2: connect\(\) .* the reactor was never run, .*\n$")
            self.assertIn("call txws2.run(main)", said)

    async def test_a_program_that_does_both_is_warned_of_both(self):
        said = await self.said(f"{SERVE}\n{CONNECT}\n{CONNECT}")
        self.assertEqual(said.count("\n"), 2)

    async def test_nothing_is_said_where_there_is_nothing_to_say(self):
        imports = "from twisted.internet import reactor, task\n"
        for text in (
            # The reactor was run, or iterated, or it is no reactor at all.
            f"{SERVE}\n{imports}reactor.callLater(0.1, reactor.stop)\nreactor.run()",
            f"{imports}{SERVE}\nreactor.iterate()",
            f"{imports}{SERVE}\nreactor.iterate()\n{CONNECT}.addErrback(id)",
            f"{imports}txws2.serve(handler, '127.0.0.1', 0, reactor=task.Clock()).addErrback(id)",
            # The server was stopped, or the attempt was cancelled.
            f"{SERVE}.addCallback(lambda server: server.close())",
            f"{CONNECT}.addErrback(id).cancel()",
            # The process that ends is a child.
            f"{SERVE}\nif os.fork():\n    os.wait()\n    os._exit(0)",
            # The program is a test.
            f"import unittest\n{SERVE}",
            # There is no stderr for the advice.
            f"{SERVE}\nsys.stderr = None",
        ):
            self.assertEqual(await self.said(text), "", text)
        said = await self.said(f"async def main(reactor):\n    await {SERVE}\ntxws2.run(main)")
        self.assertRegex(said, r"^.* listening on ws://.*\n$")

    async def test_on_a_loop_of_asyncio_without_the_reactor_the_error_has_a_remedy(self):
        main = f"import asyncio\nasync def main():\n    await {SERVE}\nasyncio.run(main())"
        said = await self.said(main, status=1)
        self.assertRegex(said, r'call txws2\.run\(main, reactor="asyncio"\) instead.*\n$')

    async def test_one_that_failed_has_said_why(self):
        said = await self.said(f"{SERVE}\nraise KeyError('x')", status=1)
        self.assertNotIn("reactor", said)
        said = await self.said(f"{CONNECT.replace('ws:', 'http:')}.addErrback(id)")
        self.assertEqual(said, "")
