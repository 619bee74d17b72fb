"""Counting and comparing the suite's verdicts. These tests don't need the suite."""

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.report import better, dump, select, summary, verdicts, worse

GOOD = ["OK", "OK"]
FAILED = ["FAILED", "OK"]


class ComparingTests(SynchronousTestCase):
    def test_verdicts_come_from_the_index_whatever_the_agent(self):
        found = {"behavior": "OK", "behaviorClose": "UNCLEAN", "duration": 3}
        self.assertEqual(verdicts({"txws2": {"1.1.1": found}}), {"1.1.1": ["OK", "UNCLEAN"]})
        self.assertEqual(verdicts({}), {})

    def test_a_pattern_selects_a_section_and_no_other_that_begins_alike(self):
        cases = dict.fromkeys(["1.1.1", "10.1.1", "2.1", "2.11"], GOOD)
        self.assertEqual(list(select(cases, ["1.*", "2.1"])), ["1.1.1", "2.1"])
        self.assertEqual(select(cases, ["*"]), cases)

    def test_as_expected_nothing_is_worse(self):
        for verdict in GOOD, FAILED, ["UNIMPLEMENTED", "OK"]:
            self.assertEqual(worse({"1.1": verdict}, {"1.1": verdict}), [])

    def test_a_case_that_got_worse_is_reported_with_its_expectation(self):
        self.assertEqual(
            worse({"2.1": GOOD}, {"2.1": FAILED}),
            ["2.1: FAILED, closing OK; expected OK, closing OK"],
        )

    def test_the_end_of_the_connection_counts_too(self):
        self.assertEqual(len(worse({"2.1": GOOD}, {"2.1": ["OK", "UNCLEAN"]})), 1)

    def test_a_behavior_that_is_unknown_is_worse_than_all(self):
        self.assertEqual(len(worse({"2.1": FAILED}, {"2.1": ["NOVEL", "OK"]})), 1)

    def test_a_missing_case_is_reported(self):
        self.assertEqual(worse({"2.1": GOOD}, {}), ["2.1: missing; expected OK, closing OK"])

    def test_a_case_that_nobody_expected_should_be_good(self):
        self.assertEqual(worse({}, {"2.1": GOOD}), [])
        self.assertEqual(len(worse({}, {"2.1": FAILED})), 1)

    def test_cases_are_reported_in_the_order_of_their_numbers(self):
        lines = worse({}, {"10.1": FAILED, "2.10": FAILED, "2.9": FAILED})
        self.assertEqual([line.partition(":")[0] for line in lines], ["2.9", "2.10", "10.1"])

    def test_a_case_that_got_better_is_no_failure(self):
        expected, found = {"12.1": ["UNIMPLEMENTED", "OK"], "2.1": GOOD}, {"12.1": GOOD}
        self.assertEqual(worse(expected, found | {"2.1": ["INFORMATIONAL", "OK"]}), [])
        self.assertEqual(better(expected, found), ["12.1"])

    def test_expectations_are_written_one_case_a_line_in_order(self):
        expected = {"server": {"10.1": GOOD, "9.1": FAILED}, "client": {"9.1": GOOD}}
        text = dump(expected)
        self.assertEqual(json.loads(text), expected)
        lines = ['    "9.1": ["FAILED", "OK"],', '    "10.1": ["OK", "OK"]']
        self.assertEqual(text.splitlines()[-4:-2], lines)


class SummaryTests(SynchronousTestCase):
    def test_it_counts_by_section_and_behavior_and_names_what_went_wrong(self):
        found = {
            "2.1": GOOD,
            "2.2": ["OK", "WRONG CODE"],
            "7.1.6": ["INFORMATIONAL", "INFORMATIONAL"],
            "12.1.1": ["UNIMPLEMENTED", "OK"],
            "12.1.2": ["FAILED", "UNCLEAN"],
        }
        self.assertEqual(
            summary("Suite 1.2", {"server": (found, 61.7)}),
            """\
txws2 and Suite 1.2
===================

A case counts as the worse of its verdicts.

Our server: 5 cases, 62 s
-------------------------

=========================  ==  =============  ==========  =============  =======  ==========  ======
Section                    OK  INFORMATIONAL  NON-STRICT  UNIMPLEMENTED  UNCLEAN  WRONG CODE  FAILED
=========================  ==  =============  ==========  =============  =======  ==========  ======
2 Pings/Pongs               1              0           0              0        0           1       0
7 Close Handling            0              1           0              0        0           0       0
12 Compression (payloads)   0              0           0              1        0           0       1
All                         1              1           0              1        0           1       1
=========================  ==  =============  ==========  =============  =======  ==========  ======

* 2.2: OK, closing WRONG CODE
* 12.1.2: FAILED, closing UNCLEAN
""",
        )
