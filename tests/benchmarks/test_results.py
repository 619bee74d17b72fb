"""Results of several comparisons in one."""

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.results import add, rounds
from tests.benchmarks.runs import results, run


class ResultsTests(SynchronousTestCase):
    def test_rounds_are_added_to_those_before(self):
        earlier = results([run("tls", "ws", 1)], ["ws"], ["tls"], {"picows": "?"})
        later = results([run("feed100", "ws", 2)], [], ["feed100"], clients=["ws"])
        both = add(earlier, later | {"date": "2026-12-01", "versions": ["ws 2", "picows 3"]})
        self.assertEqual([found["workload"] for found in both["runs"]], ["tls", "feed100"])
        self.assertEqual((both["servers"], both["clients"]), (["ws"], ["ws"]))
        self.assertEqual(both["problems"], {"picows": "?"})
        self.assertEqual(both["date"], "2026-12-01")
        self.assertEqual(both["versions"], ["txws2 1", "ws 2", "picows 3"])

    def test_names_stay_in_the_order_of_the_comparison(self):
        earlier = results([], ["ws"], ["tls", "feed100"])
        both = add(earlier, results([], ["txws2", "ws"], ["echo", "tls"]))
        self.assertEqual(both["workloads"], ["echo", "tls", "feed100"])
        self.assertEqual(both["servers"], ["txws2", "ws"])

    def test_rounds_are_counted_for_each_figure(self):
        runs = [run("echo", "ws", 1), run("echo", "ws", 2), run("tls", "ws", 3)]
        self.assertEqual(rounds(runs), (1, 2))
        self.assertEqual(rounds([]), (0, 0))
