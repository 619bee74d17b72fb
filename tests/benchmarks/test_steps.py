"""The steps in the cost of a message by its size."""

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.medians import summarise
from benchmarks.steps import Step, costs, largest_step
from benchmarks.sweeps import SWEEPS
from tests.benchmarks.runs import run


class StepsTests(SynchronousTestCase):
    def test_the_costs_of_a_program_are_by_size(self):
        runs = [run("echo-sizes-2", "ws", 5), run("echo-sizes-1", "ws", 4), run("echo", "ws", 6)]
        found = costs(summarise(runs), SWEEPS["echo-sizes"], "ws")
        self.assertEqual(list(found.items()), [(1, 4), (2, 5)])
        self.assertEqual(costs(summarise(runs), SWEEPS["echo-sizes"], "picows"), {})

    def test_a_cost_in_proportion_to_the_size_has_no_step(self):
        self.assertEqual(largest_step({1: 5, 2: 10, 4: 20}).factor, 2)

    def test_the_largest_step_is_shown_with_its_size(self):
        self.assertEqual(largest_step({1: 5, 2: 5, 4: 15, 8: 16}), Step(3, 4))

    def test_sizes_between_which_one_is_missing_have_no_step(self):
        self.assertEqual(largest_step({1: 5, 4: 50}), Step(1, 1))
