"""Results in words."""

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.tables import details, number, overview, table
from tests.benchmarks.runs import results, run

RUNS = [
    run("echo", "txws2", 20, load_cpu_us=5, p50_us=1234),
    run("echo", "ws", 1234, load_cpu_us=2000),
    run("growth", "txws2", 25),
    run("idle", "txws2", kib=9.876),
]
RESULTS = results(
    [*RUNS, run("tls", "ws", error="refused")],
    ["txws2", "ws"],
    ["echo", "tls", "growth", "idle"],
    {"picows": "no compiler"},
)


class TablesTests(SynchronousTestCase):
    def test_numbers_have_the_digits_that_mean_something(self):
        numbers = [number(value) for value in (0, 1.234, 9.996, 12.34, 99.96, 1234.5, 1e6)]
        self.assertEqual(numbers, ["0.00", "1.23", "10.0", "12.3", "100", "1,234", "1,000,000"])

    def test_columns_are_as_wide_as_what_is_in_them(self):
        self.assertEqual(
            table([["Server", "echo"], ["txws2", "1.00"], ["uWebSockets.js", "1,234"]]),
            [
                "==============  =====",
                "Server           echo",
                "==============  =====",
                "txws2            1.00",
                "uWebSockets.js  1,234",
                "==============  =====",
            ],
        )

    def test_the_overview_has_a_table_for_each_kind_of_figure(self):
        self.assertEqual(
            overview(RESULTS),
            """\
Measured on 2026-11-22, 3 rounds of 1.50 s: A Processor, 2 cores; Linux 6; CPython 3; \
Node.js v20; txws2 1, ws 2.

CPU µs of the server for each message:

======  =====  ===
Server   echo  tls
======  =====  ===
txws2    20.0    ·
ws      1,234    ·
======  =====  ===

CPU µs of the server for each handshake, and for each message among 10,000 connections:

======  ==================
Server              growth
======  ==================
txws2   25.0 (echo x 1.25)
======  ==================

KiB of the server for each connection:

======  ====
Server  idle
======  ====
txws2   9.88
======  ====

* picows: couldn't be installed
* tls, ws: failed
""",
        )

    def test_the_details_have_the_figures_that_there_are(self):
        lines = details(RESULTS).splitlines()
        at = lines.index("echo")
        self.assertEqual(
            lines[at + 4].split(), ["Server", "CPU", "µs", "spread", "p50", "µs", "load", "µs"]
        )
        self.assertEqual(lines[at + 6].split(), ["txws2", "20.0", "0%", "1,234", "5.00"])
        self.assertEqual(lines[at + 7].split(), ["ws", "1,234", "0%", "·", "2,000"])

    def test_the_details_tell_where_the_load_was_the_slow_one(self):
        self.assertIn("* echo, ws: the load took more CPU than the server.", details(RESULTS))
