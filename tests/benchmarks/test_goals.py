"""The goals, and the figures that they limit."""

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.contests import CONTESTS
from benchmarks.goals import GOALS, Goal, measured, report
from benchmarks.medians import summarise
from tests.benchmarks.runs import results, run

SIZES = [run(f"echo-sizes-{size}", "txws2", cost) for size, cost in [(1, 2), (2, 6), (4, 6)]]


class GoalsTests(SynchronousTestCase):
    def test_each_goal_names_programs_that_run_its_loads(self):
        for goal in GOALS:
            for load, program in [(goal.load, goal.program), (goal.of, goal.times)]:
                if program not in ("KiB", "step"):
                    names = [peer.name for peer in CONTESTS[load].programs]
                    self.assertIn(program, names, goal)

    def test_each_goal_is_there_once(self):
        self.assertEqual(len({(goal.load, goal.program, goal.times) for goal in GOALS}), len(GOALS))


class MeasuredTests(SynchronousTestCase):
    def measured(self, goal, *runs):
        return measured(goal, summarise(runs))

    def test_a_multiple_of_another_program_is_a_ratio(self):
        goal = Goal("echo", "txws2", 0.5, "picows", "echo")
        self.assertEqual(
            self.measured(goal, run("echo", "txws2", 3), run("echo", "picows", 4)), 0.75
        )

    def test_a_multiple_of_another_load_is_a_ratio(self):
        goal = Goal("echo-pings", "txws2", 1.5, "txws2", "echo")
        runs = [run("echo-pings", "txws2", 6), run("echo", "txws2", 4)]
        self.assertEqual(self.measured(goal, *runs), 1.5)

    def test_memory_is_limited_by_itself(self):
        goal = Goal("idle", "txws2", 1.9, "KiB", "idle")
        self.assertEqual(self.measured(goal, run("idle", "txws2", kib=1.8)), 1.8)

    def test_a_step_is_the_largest_of_its_sweep(self):
        goal = Goal("echo-sizes", "txws2", 2.5, "step", "echo-sizes")
        self.assertEqual(self.measured(goal, *SIZES), 3)

    def test_a_figure_that_is_missing_decides_nothing(self):
        goal = Goal("echo", "txws2", 0.5, "picows", "echo")
        self.assertIsNone(self.measured(goal, run("echo", "txws2", 3)))
        self.assertIsNone(self.measured(goal, run("echo", "picows", 3)))
        self.assertIsNone(self.measured(Goal("idle", "txws2", 1.9, "KiB", "idle")))
        sweep = Goal("echo-sizes", "txws2", 2.5, "step", "echo-sizes")
        self.assertIsNone(self.measured(sweep, SIZES[0]))


class ReportTests(SynchronousTestCase):
    def test_the_report_tells_which_goals_are_met_and_by_how_much(self):
        costs = [("stream1K", 8), ("stream1K-pings", 16), ("stream1K-unicode", 9)]
        runs = [run(load, "txws2", cost) for load, cost in costs]
        runs += [run("stream1K", "uWebSockets.js", 10), run("idle", "txws2", kib=1.85), *SIZES]
        self.assertEqual(
            report(results(runs)),
            f"""\
3 of 5 goals are met. Another {len(GOALS) - 5} were not measured.

================  =======  =====================  ===========  ===
Load              Program  At most                   Measured  Met
================  =======  =====================  ===========  ===
stream1K          txws2    0.80 x uWebSockets.js         0.80  yes
stream1K-pings    txws2    1.50 x stream1K               2.00   no
stream1K-unicode  txws2    1.50 x stream1K               1.12  yes
idle              txws2    1.90 KiB                      1.85  yes
echo-sizes        txws2    step 2.50              3.00 at 2 B   no
================  =======  =====================  ===========  ===
""",
        )

    def test_goals_are_not_mentioned_if_none_was_measured(self):
        self.assertEqual(report(results([run("echo", "ws", 1)])), "")
