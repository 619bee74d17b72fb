"""Measure the servers in turn, in several rounds; write the results to build/bench."""

import json
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator
from datetime import date
from typing import Any

from benchmarks import machine, options, plot, tables
from benchmarks.installing import BUILD, install, prepare
from benchmarks.measuring import allow_open_files, measure
from benchmarks.peers import SERVERS, Server, versions
from benchmarks.workloads import WORKLOADS, Workload

RESULTS = BUILD / "results.json"


def pairs(arguments: Namespace, problems: dict[str, str]) -> Iterator[tuple[Workload, Server]]:
    """Generate the workloads and servers of one round."""
    for workload in (WORKLOADS[name] for name in arguments.workloads):
        for server in (SERVERS[name] for name in arguments.servers):
            if server.does(workload) and server.name not in problems:
                yield workload, server


def compare(arguments: Namespace) -> dict[str, Any]:
    """Run the comparison that the command line asks for; return the results."""
    tools = prepare()
    problems = install(SERVERS[name] for name in arguments.servers)
    for name, why in problems.items():
        print(f"{name} is skipped: {why}", flush=True)
    allow_open_files()
    measured = [name for name in arguments.servers if name not in problems]
    results: dict[str, Any] = {
        "date": date.today().isoformat(),
        "machine": machine.describe(),
        "versions": versions(SERVERS[name] for name in measured),
        "rounds": arguments.rounds,
        "seconds": arguments.seconds,
        "workloads": arguments.workloads,
        "servers": measured,
        "problems": problems,
        "runs": [],
    }
    # Each round measures every server, so other load on the machine falls on all alike.
    for number in range(1, arguments.rounds + 1):
        for workload, server in pairs(arguments, problems):
            result = measure(tools, server, workload, arguments.seconds)
            results["runs"].append(
                {"workload": workload.name, "server": server.name, "round": number} | result
            )
            print(f"{number}/{arguments.rounds}  {_line(workload, server, result)}", flush=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return results


def _line(workload: Workload, server: Server, result: dict[str, Any]) -> str:
    what = f"{workload.name:14}{server.name:16}"
    if "error" in result:
        return f"{what}failed: {result['error']}"
    unit = "KiB" if workload.figure == "kib" else "CPU µs"
    return f"{what}{tables.number(result[workload.figure]):>9} {unit} for each {workload.unit}"


def main() -> None:
    """Compare the servers, or only write the last results again."""
    arguments = options.parse()
    # An exception ends the servers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    if arguments.report_only and not RESULTS.exists():
        sys.exit(f"There are no results in {BUILD}; run the comparison first.")
    results = json.loads(RESULTS.read_text()) if arguments.report_only else compare(arguments)
    text = tables.overview(results)
    (BUILD / "overview.rst").write_text(text)
    (BUILD / "details.rst").write_text(tables.details(results))
    plot.draw(results, BUILD / "plot.svg")
    print(f"\n{text}\nAll figures are in {BUILD}: details.rst, plot.svg and results.json.")


if __name__ == "__main__":
    main()
