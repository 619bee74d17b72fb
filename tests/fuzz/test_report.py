"""Reading the output of libFuzzer. These tests need no atheris."""

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.report import read

QUIET = """\
#2	INITED cov: 31 ft: 40 corp: 3/120b exec/s: 0 rss: 71Mb
#106452	REDUCE cov: 269 ft: 1040 corp: 195/5770b lim: 389 exec/s: 5322 rss: 81Mb L: 24/229 MS: 2 -
#106822	DONE   cov: 269 ft: 1049 corp: 195/5770b lim: 389 exec/s: 5086 rss: 81Mb
Done 106822 runs in 21 second(s)
stat::number_of_executed_units: 106822
stat::average_exec_per_sec:     5086
"""
CRASH = """\
#2	INITED cov: 31 ft: 40 corp: 3/120b exec/s: 0 rss: 71Mb

 === Uncaught Python exception: ===
AssertionError: here it is
Traceback (most recent call last):

==24129== ERROR: libFuzzer: fuzz target exited
SUMMARY: libFuzzer: fuzz target exited
artifact_prefix='f/'; Test unit written to f/crash-fe54
stat::number_of_executed_units: 1050
stat::average_exec_per_sec:     0
"""
SLOW = """\
artifact_prefix='f/'; Test unit written to f/timeout-fe54
==24105== ERROR: libFuzzer: timeout after 10 seconds
SUMMARY: libFuzzer: timeout
stat::number_of_executed_units: 446
"""


class ReportTests(SynchronousTestCase):
    def test_a_run_without_findings_is_one_line(self):
        result = read("frames", QUIET, 0, 20.0, 63)
        self.assertEqual(
            str(result),
            "frames        106822 executions    5341/s"
            "  coverage  269,  1049 features  corpus +63   no findings",
        )
        self.assertIsNone(result.problem)

    def test_a_finding_is_reported_with_its_exception_and_the_command_that_repeats_it(self):
        result = read("frames", CRASH, 77, 2.0, 0)
        self.assertEqual(
            str(result),
            "frames          1050 executions     525/s"
            "  coverage   31,    40 features  corpus +0    a finding",
        )
        self.assertEqual(
            result.advice(),
            ["frames: AssertionError: here it is", "    python -m tests.fuzz frames f/crash-fe54"],
        )

    def test_a_long_exception_is_cut(self):
        log = CRASH.replace("here it is", "x" * 1000)
        self.assertEqual(len(read("frames", log, 77, 2.0, 0).problem), 200)

    def test_an_input_that_takes_too_long_is_a_finding(self):
        result = read("frames", SLOW, 70, 12.0, 0)
        self.assertEqual(
            result.advice(), ["frames: timeout", "    python -m tests.fuzz frames f/timeout-fe54"]
        )

    def test_a_target_that_does_not_start_is_a_finding(self):
        result = read("frames", "Traceback\nModuleNotFoundError: atheris\n", 1, 0.1, 0)
        self.assertEqual(result.advice(), ["frames: ended with 1"])
