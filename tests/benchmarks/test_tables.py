"""Results in words."""

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.contests import LOADS
from benchmarks.layout import number, size, table
from benchmarks.tables import GROUPS, details, overview, sizes
from tests.benchmarks.runs import results, run

RUNS = [
    run("echo", "txws2", 20, load_cpu_us=5, p50_us=1234),
    run("echo", "ws", 1234, load_cpu_us=2000),
    run("growth", "txws2", 25),
    run("idle", "txws2", kib=9.876),
    run("feed100", "txws2-iter", 1.5, busy=0.5),
]
RESULTS = results(
    [*RUNS, run("tls", "ws", error="refused")],
    ["txws2", "ws"],
    ["echo", "tls", "growth", "idle", "feed100"],
    {"picows": "no compiler"},
    ["txws2-iter"],
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

    def test_sizes_are_powers_of_two_in_the_largest_unit(self):
        units = [size(count) for count in (1, 512, 1024, 2**19, 2**20, 2**22)]
        self.assertEqual(units, ["1 B", "512 B", "1 KiB", "512 KiB", "1 MiB", "4 MiB"])

    def test_words_are_at_the_left(self):
        lines = table([["Load", "By", "Factor"], ["echo", "ws", "1"]], words=2)
        self.assertEqual(lines[3], "echo  ws       1")

    def test_each_load_is_in_one_table(self):
        found = [name for names in GROUPS.values() for name in names]
        self.assertEqual(sorted(found), sorted(LOADS))

    def test_the_overview_has_a_table_for_each_kind_of_figure(self):
        self.assertEqual(
            overview(RESULTS),
            """\
Measured on 2026-11-22, 1.50 s: A Processor, 2 cores; Linux 6; CPython 3; \
Node.js v20; txws2 1, ws 2.

CPU µs of the server for each message:

======  =====
Server   echo
======  =====
txws2    20.0
ws      1,234
======  =====

CPU µs of the server for each message among 10,000 connections:

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

CPU µs of the client for each message:

==========  =======
Client      feed100
==========  =======
txws2-iter     1.50
==========  =======

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

    def test_the_conditions_tell_how_many_rounds_a_figure_has(self):
        twice = [run("echo", "ws", 5), run("echo", "ws", 5)]
        self.assertIn("2026-11-22, 2 rounds of 1.50 s:", overview(results(twice)))
        more = [*twice, run("tls", "ws", 5)]
        self.assertIn("2026-11-22, 1 to 2 rounds of 1.50 s:", overview(results(more)))

    def test_the_sizes_have_a_table_for_each_sweep_with_the_largest_step(self):
        runs = [run(f"echo-sizes-{count}", "ws", cost) for count, cost in [(1, 4), (2, 6), (4, 15)]]
        lines = sizes(results(runs, ["txws2", "ws"])).splitlines()
        self.assertEqual(lines[0], "Servers: echo of one binary message, CPU µs:")
        self.assertEqual([line.split() for line in lines[3:4]], [["Size", "ws"]])
        self.assertEqual(lines[5].split(), ["1", "B", "4.00"])
        self.assertEqual(lines[8].split(), ["8", "B", "·"])
        self.assertEqual(lines[-2].split(), ["Largest", "step", "x", "2.50"])
        self.assertEqual(sizes(results([])), "")
