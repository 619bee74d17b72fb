"""Measure the programs in turn, in several rounds; write the results to build/bench."""

import json
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from benchmarks import options, report
from benchmarks.contests import CONTESTS, Contest
from benchmarks.installing import BUILD, install, prepare
from benchmarks.layout import number
from benchmarks.measuring import allow_open_files
from benchmarks.peers import Peer, Tools
from benchmarks.results import Results, add, begin
from benchmarks.workloads import MEMORY

RESULTS = BUILD / "results.json"


def turns(arguments: Namespace, problems: dict[str, str]) -> Iterator[tuple[Contest, Peer]]:
    """Generate the contests and programs of one round."""
    for contest in (CONTESTS[name] for name in arguments.workloads):
        named = arguments.clients if contest.of_clients else arguments.servers
        for program in contest.programs:
            if program.name in named and program.name not in problems:
                yield contest, program


def compare(arguments: Namespace) -> Results:
    """Run the comparison that the command line asks for; return the results."""
    tools = prepare()
    problems = install(dict.fromkeys(program for _, program in turns(arguments, {})))
    for name, why in problems.items():
        print(f"{name} is skipped: {why}", flush=True)
    allow_open_files()
    earlier = _last() if arguments.add else None
    new = begin(arguments, problems)
    # Each round measures every program, so other load on the machine falls on all alike.
    for number_of_round in range(1, arguments.rounds + 1):
        for contest, program in turns(arguments, problems):
            for run in _take_turn(tools, contest, program, arguments.seconds):
                new["runs"].append(run | {"round": number_of_round})
                print(f"{number_of_round}/{arguments.rounds}  {_line(run)}", flush=True)
            # A comparison that is interrupted leaves the results so far.
            RESULTS.write_text(json.dumps(_all(earlier, new), indent=1) + "\n")
    return _all(earlier, new)


def _all(earlier: Results | None, new: Results) -> Results:
    return new if earlier is None else add(earlier, new)


def _take_turn(
    tools: Tools, contest: Contest, program: Peer, seconds: float
) -> Iterator[dict[str, Any]]:
    warmup = min(0.5, seconds / 2) * contest.share
    measured = contest.measure(tools, program, contest.loads, seconds * contest.share, warmup)
    for load, result in zip(contest.loads, measured, strict=True):
        yield {"workload": load.name, "program": program.name} | result


def _line(run: dict[str, Any]) -> str:
    what = f"{run['workload']:20} {run['program']:16}"
    if "error" in run:
        return f"{what} failed: {run['error']}"
    if MEMORY in run:
        return f"{what} {number(run[MEMORY]):>9} KiB"
    return f"{what} {number(run['cpu_us']):>9} CPU µs"


def _last() -> Results:
    if not RESULTS.exists():
        sys.exit(f"There are no results in {BUILD}; run the comparison first.")
    results: Results = json.loads(RESULTS.read_text())
    return results


def main() -> None:
    """Compare the programs, or only write the last results again."""
    arguments = options.parse()
    # An exception ends the programs, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    results = _last() if arguments.report_only else compare(arguments)
    print(report.write(results, BUILD))


if __name__ == "__main__":
    main()
