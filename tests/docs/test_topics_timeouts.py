"""docs/topics/timeouts.rst has the defaults of the code, and its handler works."""

import re
import shlex
from inspect import signature
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2._connection import factory
from txws2.client import happy_eyeballs, retry_policy
from txws2.forward import Forward
from txws2.programs import Program
from txws2.relay import stream
from txws2.tap import Options
from txws2.testing import joined

PAGE = Path(ROOT, "docs", "topics", "timeouts.rst").read_text()
ROW = re.compile(r"^   \* - ``(\w+)``\n     - (.+)\n     - (?:([\d.]+) s|None)\n     - ", re.M)
OF = {
    "``serve``, ``connect``": [txws2.ConnectionFactory],
    "``WebSocketService``": [txws2.WebSocketService],
    "``backend_auth``": [txws2.backend_auth],
    "``Forward``": [Forward],
    "``Program``": [Program],
    "``Backoff``": [txws2.Backoff],
}


class TableTests(SynchronousTestCase):
    def test_the_defaults_are_those_of_the_code(self):
        rows = ROW.findall(PAGE)
        self.assertEqual(len(rows), 13)
        for name, place, seconds in rows:
            if place == "``recv``":
                self.assertEqual(seconds, "")
                continue
            for thing in OF[place]:
                default = signature(thing).parameters[name].default
                self.assertEqual(default, float(seconds), (name, place))

    def test_all_times_of_a_factory_are_there(self):
        names = {name for name, *_ in ROW.findall(PAGE)}
        options = factory.ConnectionOptions.__optional_keys__
        times = {name for name in options if re.search("timeout|interval", name)}
        self.assertEqual(times - names, set())

    def test_the_fixed_times(self):
        self.assertEqual(happy_eyeballs._ATTEMPT_DELAY, 0.25)
        self.assertEqual(factory._PATIENCE, 1)
        self.assertEqual(retry_policy._LONGEST, 3600)
        self.assertEqual(stream._LONGEST_PAUSE, 60)
        self.assertEqual(Site(Resource()).timeOut, 60)

    def test_twistd_ws_has_the_options(self):
        options = Options()
        options.parseOptions(["--open-timeout", "30s"])
        self.assertEqual(options["open-timeout"], 30)
        [line] = blocks(PAGE, "shell")
        options.parseOptions(shlex.split(line.removeprefix("twistd -n ws ")))
        self.assertEqual((options["ping-interval"], options["ping-timeout"]), (3, 3))


class KeepaliveTests(SynchronousTestCase):
    def test_a_lost_peer_is_found_within_both_times(self):
        rows = re.findall(r"^     - (\d+)\n     - (\d+)\n     - (\d+) s$", PAGE, re.M)
        self.assertEqual(len(rows), 3)
        for interval, timeout, within in rows:
            clock = Clock()
            times = {"ping_interval": int(interval), "ping_timeout": int(timeout)}
            with joined(clock=clock, **times) as both:
                ended = both.server.wait_closed()
                both.vanish()
                both.advance(int(within))
                [close] = [each for each in both.server_transport.frames() if each.opcode == 8]
                self.assertIn(b"keepalive ping timeout", close.payload)
                both.advance(20)
                self.successResultOf(ended)


class HandlerTests(SynchronousTestCase):
    def test_slow_work_ends_the_connection(self):
        names = {}
        [block] = blocks(PAGE, "python")
        exec(block, names)
        with joined(names["handler"]) as both:
            both.client.sendMessage("why")
            both.advance(3)
            self.assertEqual(both.result_of(both.client.recv()), "answer to why")
            both.client.sendMessage("why not")
            both.advance(6)
            self.assertEqual(both.client.close_code, 4408)
