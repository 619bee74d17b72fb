"""The command line, and what it makes the servers and the load do."""

import sys
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.options import parse
from benchmarks.peers import SCRIPTS, SERVERS, Tools, versions
from benchmarks.workloads import WORKLOADS, Workload

TOOLS = Tools(Path("/venv/python"), Path("/build/localhost.pem"))


class OptionsTests(SynchronousTestCase):
    def refusal(self, *arguments):
        said = StringIO()
        with redirect_stderr(said):
            self.assertRaises(SystemExit, parse, arguments)
        return said.getvalue()

    def test_all_is_measured_unless_something_is_named(self):
        options = parse([])
        self.assertEqual(options.workloads, list(WORKLOADS))
        self.assertEqual(options.servers, list(SERVERS))
        self.assertFalse(options.report_only)

    def test_what_is_named_is_measured(self):
        options = parse(
            ["--workloads", "echo", "tls", "--servers=ws", "--rounds=5", "--seconds=0.5"]
        )
        self.assertEqual((options.workloads, options.servers), (["echo", "tls"], ["ws"]))
        self.assertEqual((options.rounds, options.seconds), (5, 0.5))

    def test_what_is_unknown_is_refused(self):
        self.assertIn("invalid choice: 'ping'", self.refusal("--workloads", "ping"))
        self.assertIn("invalid choice: 'apache'", self.refusal("--servers", "apache"))

    def test_numbers_are_more_than_0(self):
        self.assertIn("0 isn't more than 0", self.refusal("--rounds", "0"))
        self.assertIn("-1 isn't more than 0", self.refusal("--seconds", "-1"))
        self.assertIn("invalid int value: 'two'", self.refusal("--rounds", "two"))


class WorkloadsTests(SynchronousTestCase):
    def test_the_load_generator_is_told_all_of_it(self):
        workload = Workload(
            "some", connections=5, silent=6, depth=7, size=8, binary=True, needs="tls"
        )
        expected = "echo --connections=5 --silent=6 --depth=7 --size=8 --binary --tls"
        self.assertEqual(workload.arguments(), expected.split())

    def test_a_broadcast_is_a_kind_of_its_own_and_no_option(self):
        words = WORKLOADS["broadcast"].arguments()
        self.assertEqual((words[0], "--broadcast" in words), ("broadcast", False))


class ServersTests(SynchronousTestCase):
    def command(self, server, workload):
        return SERVERS[server].command(TOOLS, 9, WORKLOADS[workload])

    def test_every_server_echoes(self):
        self.assertTrue(all(server.does(WORKLOADS["echo"]) for server in SERVERS.values()))

    def test_a_server_does_only_what_it_can(self):
        self.assertTrue(SERVERS["picows"].does(WORKLOADS["tls"]))
        self.assertFalse(SERVERS["picows"].does(WORKLOADS["deflate8K"]))

    def test_scripts_are_told_what_they_need(self):
        script = str(SCRIPTS / "websockets_server.py")
        plain = ["/venv/python", script, "9"]
        self.assertEqual(self.command("websockets", "echo"), plain)
        self.assertEqual(self.command("websockets", "deflate512"), [*plain, "deflate"])
        self.assertEqual(self.command("websockets", "tls"), [*plain, "tls=/build/localhost.pem"])
        self.assertEqual(self.command("ws", "echo")[0], "node")

    def test_every_script_is_there(self):
        for server in SERVERS.values():
            for word in server.command(TOOLS, 9, WORKLOADS["echo"]):
                if word.startswith(str(SCRIPTS)):
                    self.assertTrue(Path(word).exists(), word)

    def test_the_floor_knows_what_arrives_and_runs_where_we_do(self):
        command = self.command("floor", "64KiB")
        self.assertEqual((command[0], command[-1]), (sys.executable, "size=65536"))
        self.assertEqual(self.command("floor", "handshakes")[-1], "size=0")

    def test_twistd_echoes_unless_it_is_to_relay(self):
        self.assertNotIn("--app", self.command("txws2", "echo"))
        self.assertEqual(self.command("txws2", "broadcast")[-1], "txws2_apps:Relay")
        self.assertEqual(self.command("txws2-pull", "echo")[-1], "txws2_apps:echo")
        self.assertTrue(self.command("txws2", "tls")[-1].startswith("ssl:9:privateKey="))

    def test_versions_are_told_once_and_without_extras(self):
        found = versions([SERVERS["autobahn"], SERVERS["aiohttp"], SERVERS["picows"]])
        names = ["autobahn", "twisted", "aiohttp", "uvloop", "picows"]
        self.assertEqual([version.split()[0] for version in found], names)
