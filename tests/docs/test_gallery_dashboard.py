"""docs/examples/gallery/dashboard.py in memory."""

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.support.gallery import example
from txws2.testing import joined


class DashboardTests(SynchronousTestCase):
    def setUp(self):
        self.dashboard = example(self, "dashboard").Dashboard()

    def watch(self):
        return self.enterContext(joined(self.dashboard.handler))

    def heard(self, both):
        return json.loads(both.result_of(both.client.recv()))

    def test_a_page_gets_the_latest_samples_and_then_each_new_one(self):
        for _ in range(130):
            self.dashboard.measure()
        both = self.watch()
        samples = self.heard(both)
        self.assertEqual(len(samples), 120)
        self.dashboard.measure()
        [sample] = self.heard(both)
        self.assertEqual(sample["connections"], 1)
        self.assertGreaterEqual(sample["time"], samples[-1]["time"])

    def test_the_numbers_are_those_of_this_process(self):
        self.dashboard.measure()
        before = self.dashboard.samples[-1]
        self.assertGreaterEqual(before["cpu"], 0)
        self.assertGreater(before["memory"], 5)
        ballast = b"x" * 2**26
        self.dashboard.measure()
        self.assertGreater(self.dashboard.samples[-1]["memory"] - before["memory"], 50)
        del ballast

    def test_all_watchers_get_a_sample_and_one_that_leaves_counts_no_more(self):
        one, two = self.watch(), self.watch()
        self.dashboard.measure()
        for both in one, two:
            self.assertEqual(self.heard(both), [])
            self.assertEqual([each["connections"] for each in self.heard(both)], [2])
        two.drop()
        self.dashboard.measure()
        self.assertEqual(self.heard(one)[0]["connections"], 1)
