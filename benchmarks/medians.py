"""The medians of several rounds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from benchmarks.workloads import CPU, MEMORY

__all__ = ["Summary", "cost_of_silence", "dear_loads", "failures", "summarise"]

Summary = dict[str, dict[str, dict[str, float]]]
"""The median of each figure, by workload and by program."""


def summarise(runs: Iterable[Mapping[str, Any]]) -> Summary:
    """Return the medians, and as "spread" the largest difference between rounds.

    Args:
        runs: the results, each with "workload" and "program", and the figures or "error".
    """
    rounds: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for run in runs:
        if "error" not in run:
            rounds[run["workload"], run["program"]].append(run)
    summary: Summary = defaultdict(dict)
    for (workload, program), results in rounds.items():
        figures = results[0].keys() - {"workload", "program", "round"}
        found = {name: median(result[name] for result in results) for name in figures}
        values = [result.get(CPU, result.get(MEMORY)) for result in results]
        middle = median(values)
        found["spread"] = (max(values) - min(values)) / middle if middle else 0.0
        summary[workload][program] = found
    return dict(summary)


def failures(runs: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """Return the errors of the missing results, by workload and program."""
    return {(run["workload"], run["program"]): run["error"] for run in runs if "error" in run}


def cost_of_silence(summary: Summary, server: str) -> float | None:
    """Return the cost of an echo beside 9,900 silent connections, relative to one without them."""
    alone = summary.get("echo", {}).get(server)
    among = summary.get("growth", {}).get(server)
    if alone is None or among is None:
        return None
    return among[CPU] / alone[CPU]


def dear_loads(summary: Summary) -> list[tuple[str, str]]:
    """Return the workloads and servers where the load took more CPU than the server.

    There the server waits for the load generator, so its messages per second say little.
    """
    return [
        (workload, server)
        for workload, servers in summary.items()
        for server, found in servers.items()
        if found.get("load_cpu_us", 0) > found.get(CPU, 0)
    ]
