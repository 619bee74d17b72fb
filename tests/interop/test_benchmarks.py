"""The loads of the benchmarks, against our own server and client."""

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from benchmarks.client_loads import CLIENT_LOADS
from benchmarks.client_peers import CLIENTS
from benchmarks.installing import prepare
from benchmarks.measuring import measure_server
from benchmarks.measuring_clients import measure_client
from benchmarks.server_peers import SERVERS
from benchmarks.workloads import WORKLOADS

SECONDS = WARMUP = 0.02


class LoadsTests(SynchronousTestCase):
    def setUp(self):
        try:
            self.tools = prepare()
        except SystemExit as exc:
            # The text names the missing packages.
            raise SkipTest(str(exc)) from None

    def served(self, *names):
        """Put loads on our server; return the results by the name of the load."""
        loads = [WORKLOADS[name] for name in names]
        measured = measure_server(self.tools, SERVERS["txws2"], loads, SECONDS, WARMUP)
        return dict(zip(names, measured, strict=True))

    def test_each_message_comes_back_as_it_was_sent_in_every_form(self):
        forms = "fragments", "pings", "unicode"
        found = self.served(
            "mix", *(f"{name}-{form}" for name in ("echo", "stream1K") for form in forms)
        )
        for name, result in found.items():
            self.assertIn("cpu_us", result, f"{name}: {result}")

    def test_connections_are_opened_again_after_a_close_and_after_a_reset(self):
        for name, result in self.served("handshakes", "openings").items():
            self.assertIn("cpu_us", result, f"{name}: {result}")

    def test_a_client_is_fed_answered_and_read_from(self):
        for client in "txws2", "txws2-recv", "txws2-iter":
            loads = [CLIENT_LOADS[name] for name in ("feed100z", "ask32", "send32")]
            loads = [load for load in loads if CLIENTS[client].does(load)]
            measured = measure_client(self.tools, CLIENTS[client], loads, SECONDS, WARMUP)
            for load, result in zip(loads, measured, strict=True):
                self.assertGreater(result.get("count", 0), 0, f"{client}, {load.name}: {result}")
