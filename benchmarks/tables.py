"""Results as reStructuredText."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.medians import (
    Summary,
    cost_of_silence,
    dear_loads,
    failures,
    summarise,
)
from benchmarks.workloads import WORKLOADS

__all__ = ["details", "number", "overview", "table"]

_NOTHING = "·"

_GROUPS = {
    "CPU µs of the server for each message": ["echo", "pipelined", "64KiB", "1MiB", "tls"],
    "CPU µs of the server for each compressed message, or each delivery of a broadcast": [
        "deflate512",
        "deflate8K",
        "broadcast",
    ],
    "CPU µs of the server for each handshake, and for each message among 10,000 connections": [
        "handshakes",
        "growth",
    ],
    "KiB of the server for each connection": ["idle", "idle-deflate", "used-deflate"],
}

_DETAILS = {
    "server_cpu_us": "CPU µs",
    "kib": "KiB",
    "spread": "spread",
    "per_second": "per s",
    "p50_us": "p50 µs",
    "p99_us": "p99 µs",
    "wire_bytes": "bytes",
    "load_cpu_us": "load µs",
    "server_busy": "busy",
}
_SHARES = {"spread", "server_busy"}


def number(value: float) -> str:
    """Return a number with its significant digits."""
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:,.{digits}f}"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table whose first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    return [rule, lines[0], rule, *lines[1:], rule]


def overview(results: Mapping[str, Any]) -> str:
    """Return the conditions of the measurement, the main figures, and the missing results."""
    summary = summarise(results["runs"])
    lines = _conditions(results)
    for title, names in _GROUPS.items():
        shown = [name for name in names if name in results["workloads"]]
        if shown:
            lines += [f"{title}:", "", *_matrix(results, summary, shown), ""]
    missing = _missing(results)
    return "\n".join([*lines, *missing, *([""] if missing else [])])


def _conditions(results: Mapping[str, Any]) -> list[str]:
    machine = results["machine"]
    rounds, seconds = results["rounds"], results["seconds"]
    measured = f"{rounds} rounds of {number(seconds)} s" if rounds > 1 else f"{number(seconds)} s"
    return [
        f"Measured on {results['date']}, {measured}: {machine['processor']}; {machine['kernel']}; "
        f"{machine['python']}; Node.js {machine['node']}; {', '.join(results['versions'])}.",
        "",
    ]


def _matrix(results: Mapping[str, Any], summary: Summary, workloads: Sequence[str]) -> list[str]:
    """Return the table of these workloads, without the servers that have no figure in it."""
    rows = [["Server", *workloads]]
    for server in results["servers"]:
        cells = [_cell(summary, workload, server) for workload in workloads]
        if set(cells) != {_NOTHING}:
            rows.append([server, *cells])
    return table(rows)


def _cell(summary: Summary, workload: str, server: str) -> str:
    found = summary.get(workload, {}).get(server)
    if found is None:
        return _NOTHING
    text = number(found[WORKLOADS[workload].figure])
    ratio = cost_of_silence(summary, server) if workload == "growth" else None
    return text if ratio is None else f"{text} (echo x {ratio:.2f})"


def _missing(results: Mapping[str, Any]) -> list[str]:
    # The reasons are in results.json: they may tell more of this machine than a page should.
    lines = [f"* {server}: couldn't be installed" for server in results["problems"]]
    return lines + [
        f"* {workload}, {server}: failed" for workload, server in failures(results["runs"])
    ]


def details(results: Mapping[str, Any]) -> str:
    """Return all figures, a section for each workload."""
    summary = summarise(results["runs"])
    lines: list[str] = []
    for workload, servers in summary.items():
        lines += [workload, "~" * len(workload), ""]
        shown = [name for name in _DETAILS if any(name in found for found in servers.values())]
        rows = [["Server", *(_DETAILS[name] for name in shown)]]
        for server in results["servers"]:
            if server in servers:
                rows.append([server, *(_detail(servers[server], name) for name in shown)])
        lines += [*table(rows), ""]
    for workload, server in dear_loads(summary):
        lines.append(f"* {workload}, {server}: the load took more CPU than the server.")
    return "\n".join([*lines, ""])


def _detail(found: Mapping[str, float], name: str) -> str:
    if name not in found:
        return _NOTHING
    return f"{found[name]:.0%}" if name in _SHARES else number(found[name])
