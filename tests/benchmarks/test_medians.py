"""The medians of many rounds."""

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.medians import cost_of_silence, dear_loads, failures, summarise
from tests.benchmarks.runs import run


class MediansTests(SynchronousTestCase):
    def test_the_median_of_each_figure_counts(self):
        runs = [run("echo", "ws", cpu, p50_us=latency) for cpu, latency in [(9, 1), (5, 3), (4, 2)]]
        found = summarise(runs)["echo"]["ws"]
        self.assertEqual((found["cpu_us"], found["p50_us"]), (5, 2))

    def test_the_spread_is_relative_to_the_median(self):
        runs = [run("echo", "ws", cpu) for cpu in (9, 5, 4)]
        self.assertEqual(summarise(runs)["echo"]["ws"]["spread"], 1)

    def test_the_spread_of_memory_is_that_of_the_kib(self):
        runs = [run("idle", "ws", kib=kib) for kib in (8, 10, 13)]
        self.assertEqual(summarise(runs)["idle"]["ws"]["spread"], 0.5)

    def test_nothing_spreads_around_nothing(self):
        self.assertEqual(summarise([run("idle", "ws", kib=0)])["idle"]["ws"]["spread"], 0)

    def test_workloads_and_programs_are_apart_and_in_order(self):
        runs = [run("tls", "ws", 1), run("tls", "floor", 2), run("echo", "ws", 3)]
        summary = summarise(runs)
        self.assertEqual(list(summary), ["tls", "echo"])
        self.assertEqual(list(summary["tls"]), ["ws", "floor"])

    def test_a_round_that_failed_leaves_the_others(self):
        runs = [
            run("echo", "ws", error="it ends"),
            run("echo", "ws", 4),
            run("tls", "ws", error="?"),
        ]
        self.assertEqual(summarise(runs)["echo"]["ws"]["cpu_us"], 4)
        self.assertNotIn("tls", summarise(runs))
        self.assertEqual(failures(runs), {("echo", "ws"): "it ends", ("tls", "ws"): "?"})


class ComparingTests(SynchronousTestCase):
    def test_silence_costs_what_it_adds_to_an_echo(self):
        summary = summarise([run("echo", "ws", 10), run("growth", "ws", 12)])
        self.assertEqual(cost_of_silence(summary, "ws"), 1.2)

    def test_the_cost_of_silence_needs_both_loads(self):
        self.assertIsNone(cost_of_silence(summarise([run("growth", "ws", 12)]), "ws"))
        self.assertIsNone(cost_of_silence(summarise([run("echo", "ws", 12)]), "ws"))

    def test_a_load_that_takes_more_than_the_server_is_reported(self):
        runs = [run("echo", "uws", 5, load_cpu_us=6), run("echo", "ws", 7, load_cpu_us=6)]
        self.assertEqual(
            dear_loads(summarise([*runs, run("idle", "ws", kib=3)])), [("echo", "uws")]
        )
