"""docs/topics/security.rst shows code that works."""

import shlex
from itertools import pairwise
from pathlib import Path

import twisted.internet
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2.tap import Options
from txws2.testing import joined

PAGE = Path(ROOT, "docs", "topics", "security.rst").read_text()
CLOSED, SLOWLY, HOUR = blocks(PAGE, "python")
TOKEN = "Bearer c2VjcmV0LW9mLWFkYQ"


class ClosedTests(SynchronousTestCase):
    def setUp(self):
        self.patch(twisted.internet, "reactor", Clock())
        names = {}
        exec(CLOSED, names)
        self.factory = names["factory"]

    def connect(self, host="chat.example.com", origin="https://chat.example.com", token=TOKEN):
        headers = {"Authorization": token} if token else {}
        uri = f"ws://{host}/"
        return joined(self.factory, uri=uri, origin=origin, additional_headers=headers)

    def test_members_talk(self):
        for origin in "https://chat.example.com", None:
            with self.connect(origin=origin) as both:
                both.client.sendMessage("hello")
                self.assertEqual(both.result_of(both.client.recv()), "ada: hello")
                self.assertNotIn("Sec-WebSocket-Extensions", both.client.response.headers)

    def test_others_are_refused(self):
        for status, wrong in (
            (401, {"token": None}),
            (401, {"token": "Bearer guess"}),
            (403, {"origin": "https://evil.example"}),
            (421, {"host": "evil.example"}),
        ):
            exc = self.assertRaises(txws2.InvalidStatus, self.connect, **wrong)
            self.assertEqual(exc.response.status_code, status)

    def test_twistd_ws_has_the_options(self):
        [line] = [block.replace("\\\n", " ") for block in blocks(PAGE, "shell")]
        options = Options()
        arguments = shlex.split(line.removeprefix("twistd -n ws "))
        given = dict(pairwise(arguments))
        self.assertEqual(given["--max-size"], "16KiB")
        # The file of tokens isn't here.
        place = arguments.index("--bearer-tokens")
        del arguments[place : place + 2]
        options.parseOptions(arguments)
        self.assertIn("bearer-tokens", Options().getUsage())
        self.assertEqual(options["max-connections-per-host"], 100)


class HandlerTests(SynchronousTestCase):
    def run_block(self, block, name):
        names = {}
        exec(block, names)
        return self.enterContext(joined(names[name]))

    def test_a_fast_client_waits(self):
        both = self.run_block(SLOWLY, "slowly")
        for _ in range(25):
            both.client.sendMessage("hello")
        both.advance(1)
        self.assertIn(both.server.counters.messages_out, (10, 11))

    def test_a_connection_lasts_an_hour(self):
        both = self.run_block(HOUR, "handler")
        both.client.sendMessage("hello")
        self.assertEqual(both.result_of(both.client.recv()), "hello")
        both.advance(3601)
        self.assertEqual(both.client.close_code, 4401)


class DefaultTests(SynchronousTestCase):
    def test_in_python_every_page_is_accepted_by_default(self):
        with joined(origin="https://evil.example", uri="ws://any.example/") as both:
            self.assertEqual(both.client.state, txws2.State.OPEN)
