"""The results of a comparison, as they are kept in build/bench/results.json."""

from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from benchmarks import machine
from benchmarks.client_peers import CLIENTS
from benchmarks.contests import CONTESTS
from benchmarks.peers import versions
from benchmarks.server_peers import SERVERS

__all__ = ["Results", "add", "begin", "rounds"]

Results = dict[str, Any]


def begin(arguments: Namespace, problems: Mapping[str, str]) -> Results:
    """Return the results of a comparison that has measured nothing yet."""
    servers = [name for name in arguments.servers if name not in problems]
    clients = [name for name in arguments.clients if name not in problems]
    peers = [SERVERS[name] for name in servers] + [CLIENTS[name] for name in clients]
    return {
        "date": date.today().isoformat(),
        "machine": machine.describe(),
        "versions": versions(peers),
        "seconds": arguments.seconds,
        "workloads": arguments.workloads,
        "servers": servers,
        "clients": clients,
        "problems": dict(problems),
        "runs": [],
    }


def add(earlier: Results, later: Results) -> Results:
    """Return the results of both comparisons, with the conditions of the later one."""
    orders = {"workloads": list(CONTESTS), "servers": list(SERVERS), "clients": list(CLIENTS)}
    both = {
        key: [name for name in order if name in earlier[key] or name in later[key]]
        for key, order in orders.items()
    }
    found = list(dict.fromkeys([*earlier["versions"], *later["versions"]]))
    problems = earlier["problems"] | later["problems"]
    runs = earlier["runs"] + later["runs"]
    return later | both | {"versions": found, "problems": problems, "runs": runs}


def rounds(runs: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Return the smallest and the largest number of rounds that a figure is the median of."""
    counts = Counter((run["workload"], run["program"]) for run in runs)
    return min(counts.values(), default=0), max(counts.values(), default=0)
