"""The command line, and what it makes the servers and the load do."""

import sys
from contextlib import redirect_stderr
from io import StringIO
from itertools import pairwise
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.client_loads import CLIENT_LOADS
from benchmarks.client_peers import CLIENTS
from benchmarks.client_peers import SCRIPTS as CLIENT_SCRIPTS
from benchmarks.contests import CONTESTS
from benchmarks.options import parse
from benchmarks.peers import Tools, versions
from benchmarks.server_peers import SCRIPTS, SERVERS
from benchmarks.sweeps import SIZES, SWEEPS
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
        self.assertEqual(options.workloads, [*WORKLOADS, *CLIENT_LOADS, *SWEEPS])
        self.assertEqual(options.servers, list(SERVERS))
        self.assertEqual(options.clients, list(CLIENTS))
        self.assertFalse(options.report_only or options.add)

    def test_a_named_workload_is_measured(self):
        options = parse(
            ["--workloads", "echo", "tls", "--servers=ws", "--rounds=5", "--seconds=0.5"]
        )
        self.assertEqual((options.workloads, options.servers), (["echo", "tls"], ["ws"]))
        self.assertEqual((options.rounds, options.seconds), (5, 0.5))

    def test_an_unknown_name_is_refused(self):
        self.assertIn("invalid choice: 'ping'", self.refusal("--workloads", "ping"))
        self.assertIn("invalid choice: 'apache'", self.refusal("--servers", "apache"))

    def test_numbers_are_more_than_0(self):
        self.assertIn("0 isn't more than 0", self.refusal("--rounds", "0"))
        self.assertIn("-1 isn't more than 0", self.refusal("--seconds", "-1"))
        self.assertIn("invalid int value: 'two'", self.refusal("--rounds", "two"))


class WorkloadsTests(SynchronousTestCase):
    def test_the_load_generator_gets_all_of_it(self):
        workload = Workload(
            "some", connections=5, silent=6, depth=7, size=8, contents="binary", needs="tls"
        )
        expected = "echo --connections=5 --silent=6 --depth=7 --size=8 --binary --tls"
        self.assertEqual(workload.arguments(), expected.split())

    def test_the_load_generator_gets_mixes_fragments_and_pings(self):
        workload = Workload("some", largest=9, contents="unicode", fragments=4, pings=True)
        words = ["--largest=9", "--unicode", "--fragments=4", "--pings"]
        self.assertEqual(workload.arguments()[5:], words)

    def test_other_forms_of_a_load_differ_in_nothing_else(self):
        for name in "echo", "stream1K":
            plain = WORKLOADS[name].arguments()
            for form in "fragments", "pings", "unicode":
                words = WORKLOADS[f"{name}-{form}"].arguments()
                self.assertEqual(words[: len(plain)], plain)
                self.assertIn(form, words[-1])

    def test_a_sweep_has_all_sizes_and_no_step_in_its_depth(self):
        for sweep in SWEEPS.values():
            self.assertEqual([load.size for load in sweep.loads.values()], list(SIZES))
        depths = [load.depth for load in SWEEPS["stream-sizes"].loads.values()]
        self.assertEqual((depths[0], depths[-1]), (64, 1))
        for before, after in pairwise(depths):
            self.assertIn(before / after, (1, 2))

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

    def test_scripts_get_their_arguments(self):
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
        self.assertEqual((command[0], command[-1]), (sys.executable, "binary"))
        self.assertEqual(command[-2], "size=65536")
        self.assertEqual(self.command("floor", "handshakes")[-1], "size=0")

    def test_the_floor_reads_no_headers_of_frames(self):
        self.assertFalse(SERVERS["floor"].does(WORKLOADS["mix"]))
        self.assertTrue(SERVERS["picows"].does(WORKLOADS["echo-fragments"]))
        self.assertEqual(self.command("websockets", "mix")[3:], [])

    def test_a_server_runs_without_the_accelerator(self):
        command = self.command("txws2-python", "echo")
        self.assertEqual(command[:2], ["env", "TXWS2_NO_SPEEDUPS=1"])
        self.assertEqual(command[2:], self.command("txws2", "echo"))

    def test_twistd_echoes_unless_it_is_to_relay(self):
        self.assertNotIn("--app", self.command("txws2", "echo"))
        self.assertEqual(self.command("txws2", "broadcast")[-1], "txws2_apps:Relay")
        self.assertEqual(self.command("txws2-pull", "echo")[-1], "txws2_apps:echo")
        self.assertTrue(self.command("txws2", "tls")[-1].startswith("ssl:9:privateKey="))

    def test_versions_are_shown_once_and_without_extras(self):
        found = versions([SERVERS["autobahn"], SERVERS["aiohttp"], SERVERS["picows"]])
        names = ["autobahn", "twisted", "aiohttp", "uvloop", "picows"]
        self.assertEqual([version.split()[0] for version in found], names)


class ClientsTests(SynchronousTestCase):
    def command(self, client, load):
        return CLIENTS[client].command(TOOLS, "ws://a/", CLIENT_LOADS[load], 2, 0.5)

    def test_scripts_get_the_load_the_times_and_the_style(self):
        script = str(CLIENT_SCRIPTS / "txws2_client.py")
        words = [script, "ws://a/", "feed", "100", "2", "0.5", "deflate", "iter"]
        self.assertEqual(self.command("txws2-iter", "feed100z"), [sys.executable, *words])
        self.assertEqual(self.command("websockets", "feed100")[0], "/venv/python")
        self.assertEqual(self.command("ws", "feed100")[0], "node")

    def test_a_client_runs_without_the_accelerator(self):
        command = self.command("txws2-python", "feed100")
        self.assertEqual(command[:3], ["env", "TXWS2_NO_SPEEDUPS=1", sys.executable])

    def test_a_client_does_only_what_it_can(self):
        self.assertFalse(CLIENTS["picows"].does(CLIENT_LOADS["feed100z"]))
        self.assertFalse(CLIENTS["txws2"].does(CLIENT_LOADS["send32"]))
        self.assertTrue(CLIENTS["txws2-recv"].does(CLIENT_LOADS["send32"]))

    def test_every_script_is_there(self):
        for client in CLIENTS.values():
            self.assertTrue((CLIENT_SCRIPTS / client.script).exists(), client.script)

    def test_the_load_gets_the_messages_to_send(self):
        self.assertEqual(CLIENT_LOADS["feed100z"].arguments(), ["feed", "100", "deflate"])


class ContestsTests(SynchronousTestCase):
    def names(self, contest):
        return [program.name for program in CONTESTS[contest].programs]

    def test_servers_and_clients_have_loads_of_their_own(self):
        self.assertEqual(self.names("deflate8K")[:2], ["txws2", "txws2-pull"])
        self.assertEqual(self.names("send32"), ["txws2-recv", "websockets", "aiohttp"])
        self.assertEqual(
            [name for name, contest in CONTESTS.items() if contest.of_clients],
            [*CLIENT_LOADS, "feed-sizes"],
        )

    def test_a_sweep_is_for_few_programs_and_has_all_its_loads(self):
        self.assertIn("txws2-iter", self.names("feed-sizes"))
        self.assertNotIn("autobahn", self.names("echo-sizes"))
        self.assertEqual(len(CONTESTS["echo-sizes"].loads), len(SIZES))
