"""The contests of the comparison: the loads, and the programs that they are put on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.client_loads import CLIENT_LOADS, ClientLoad
from benchmarks.client_peers import CLIENTS
from benchmarks.measuring import Result, measure_server
from benchmarks.measuring_clients import measure_client
from benchmarks.peers import Peer
from benchmarks.server_peers import SERVERS
from benchmarks.sweeps import SWEEPS
from benchmarks.workloads import WORKLOADS, Workload

__all__ = ["CONTESTS", "LOADS", "Contest"]

Load = Workload | ClientLoad

LOADS: dict[str, Load] = {**WORKLOADS, **CLIENT_LOADS}
"""All loads but those of the sweeps, by name."""

# A sweep has many loads, and its figures are read together.
_SHARE_OF_A_SWEEP = 0.25


@dataclass(frozen=True)
class Contest:
    """Loads, and the programs that they are put on.

    Attributes:
        name: its name on the command line.
        loads: one load, or those of a sweep.
        programs: all servers or clients that it is for.
        of_clients: True if these are clients.
        measure: puts the loads on a program, and generates a result for each.
        share: the share of the seconds of a measurement that each load takes.
    """

    name: str
    loads: Sequence[Any]
    programs: Sequence[Peer]
    of_clients: bool
    measure: Callable[..., Iterator[Result]]
    share: float = 1


def _contest(
    name: str, loads: Sequence[Load], only: Sequence[str] | None = None, share: float = 1
) -> Contest:
    of_clients = isinstance(loads[0], ClientLoad)
    measure = measure_client if of_clients else measure_server
    programs = (
        peer
        for peer in (CLIENTS if of_clients else SERVERS).values()
        if peer.does(loads[0]) and (only is None or peer.name in only)  # type: ignore[arg-type]
    )
    return Contest(name, loads, tuple(programs), of_clients, measure, share)


CONTESTS = {name: _contest(name, [load]) for name, load in LOADS.items()} | {
    sweep.name: _contest(sweep.name, [*sweep.loads.values()], sweep.programs, _SHARE_OF_A_SWEEP)
    for sweep in SWEEPS.values()
}
"""All contests, by the name on the command line."""
