"""Results as reStructuredText."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.contests import CONTESTS, LOADS
from benchmarks.layout import NOTHING, number, size, table
from benchmarks.medians import Summary, cost_of_silence, dear_loads, failures, summarise
from benchmarks.results import rounds
from benchmarks.steps import costs, largest_step
from benchmarks.sweeps import SWEEPS

__all__ = ["GROUPS", "details", "overview", "sizes"]

GROUPS = {
    "CPU µs of the server for each message": ["echo", "single", "pipelined", "64KiB", "1MiB"],
    "CPU µs of the server for each message of a stream": [
        "stream100",
        "stream1K",
        "stream4K",
        "stream16K",
        "mix",
    ],
    "CPU µs of the server for each message of ``echo``, in other forms": [
        "echo-fragments",
        "echo-pings",
        "echo-unicode",
    ],
    "CPU µs of the server for each message of ``stream1K``, in other forms": [
        "stream1K-fragments",
        "stream1K-pings",
        "stream1K-unicode",
    ],
    "CPU µs of the server for each compressed message, or each delivery of a broadcast": [
        "stream512z",
        "deflate512",
        "deflate8K",
        "broadcast",
    ],
    "CPU µs of the server for each message over TLS": ["tls", "tlsstream", "tls64KiB"],
    "CPU µs of the server for each handshake": [
        "handshakes",
        "openings",
        "tlshandshakes",
        "tlsopenings",
    ],
    "CPU µs of the server for each message among 10,000 connections": ["growth"],
    "KiB of the server for each connection": ["idle", "idle-tls", "idle-deflate", "used-deflate"],
    "CPU µs of the client for each message": [
        "feed100",
        "feed1K",
        "feed16K",
        "feed100z",
        "ask32",
        "send32",
    ],
}
"""The loads of each table, by its title."""

_DETAILS = {
    "cpu_us": "CPU µs",
    "kib": "KiB",
    "spread": "spread",
    "per_second": "per s",
    "p50_us": "p50 µs",
    "p99_us": "p99 µs",
    "wire_bytes": "bytes",
    "load_cpu_us": "load µs",
    "server_busy": "busy",
    "busy": "busy",
}
_SHARES = {"spread", "server_busy", "busy"}


def overview(results: Mapping[str, Any]) -> str:
    """Return the conditions of the measurement, the main figures, and the missing results."""
    summary = summarise(results["runs"])
    lines = _conditions(results)
    for title, names in GROUPS.items():
        shown = [name for name in names if name in summary]
        if shown:
            lines += [f"{title}:", "", *_matrix(results, summary, shown), ""]
    missing = _missing(results)
    return "\n".join([*lines, *missing, *([""] if missing else [])])


def _conditions(results: Mapping[str, Any]) -> list[str]:
    machine = results["machine"]
    fewest, most = rounds(results["runs"])
    number_of_rounds = f"{most} rounds" if fewest == most else f"{fewest} to {most} rounds"
    measured = f"{number_of_rounds} of " * (most > 1) + f"{number(results['seconds'])} s"
    return [
        f"Measured on {results['date']}, {measured}: {machine['processor']}; {machine['kernel']}; "
        f"{machine['python']}; Node.js {machine['node']}; {', '.join(results['versions'])}.",
        "",
    ]


def _sort_and_names(results: Mapping[str, Any], workload: str) -> tuple[str, list[str]]:
    """Return the heading and the names of the programs of a workload."""
    if CONTESTS[workload].of_clients:
        return "Client", results["clients"]
    return "Server", results["servers"]


def _matrix(results: Mapping[str, Any], summary: Summary, workloads: Sequence[str]) -> list[str]:
    """Return the table of these workloads, without the programs that have no figure in it."""
    heading, programs = _sort_and_names(results, workloads[0])
    rows = [[heading, *workloads]]
    for program in programs:
        cells = [_cell(summary, workload, program) for workload in workloads]
        if set(cells) != {NOTHING}:
            rows.append([program, *cells])
    return table(rows)


def _cell(summary: Summary, workload: str, program: str) -> str:
    found = summary.get(workload, {}).get(program)
    if found is None:
        return NOTHING
    text = number(found[LOADS[workload].figure])
    ratio = cost_of_silence(summary, program) if workload == "growth" else None
    return text if ratio is None else f"{text} (echo x {ratio:.2f})"


def _missing(results: Mapping[str, Any]) -> list[str]:
    # The reasons are in results.json: they may tell more of this machine than a page should.
    lines = [f"* {program}: couldn't be installed" for program in results["problems"]]
    return lines + [
        f"* {workload}, {program}: failed" for workload, program in failures(results["runs"])
    ]


def sizes(results: Mapping[str, Any]) -> str:
    """Return a table for each sweep: the cost of a message by its size, and the largest step."""
    summary = summarise(results["runs"])
    lines: list[str] = []
    for sweep in SWEEPS.values():
        _, names = _sort_and_names(results, sweep.name)
        columns = {name: found for name in names if (found := costs(summary, sweep, name))}
        if columns:
            rows = [["Size", *columns]]
            for count in sweep.loads:
                cells = (column.get(count) for column in columns.values())
                rows.append(
                    [size(count), *(NOTHING if cell is None else number(cell) for cell in cells)]
                )
            steps = (largest_step(column) for column in columns.values())
            rows.append(["Largest step", *(f"x {step.factor:.2f}" for step in steps)])
            title = sweep.title[0].upper() + sweep.title[1:]
            lines += [f"{title}, CPU µs:", "", *table(rows), ""]
    return "\n".join(lines)


def details(results: Mapping[str, Any]) -> str:
    """Return all figures, a section for each workload."""
    summary = summarise(results["runs"])
    lines: list[str] = []
    for workload in (name for name in LOADS if name in summary):
        programs = summary[workload]
        lines += [workload, "~" * len(workload), ""]
        shown = [name for name in _DETAILS if any(name in found for found in programs.values())]
        heading, names = _sort_and_names(results, workload)
        rows = [[heading, *(_DETAILS[name] for name in shown)]]
        for program in names:
            if program in programs:
                rows.append([program, *(_detail(programs[program], name) for name in shown)])
        lines += [*table(rows), ""]
    for workload, program in dear_loads(summary):
        if workload in LOADS:
            lines.append(f"* {workload}, {program}: the load took more CPU than the server.")
    return "\n".join([*lines, ""])


def _detail(found: Mapping[str, float], name: str) -> str:
    if name not in found:
        return NOTHING
    return f"{found[name]:.0%}" if name in _SHARES else number(found[name])
