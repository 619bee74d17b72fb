"""The gain of a function in C over its twin in Python, as a share of a server's whole CPU time.

    make twins TWIN=read_request

Two servers run side by side and differ in nothing but that function. The figure is the CPU time of
a server's process for each message or handshake, with what the kernel does in it. Each server has
its turn in each round; what is saved compares the two of one round.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from statistics import median, quantiles

from benchmarks.installing import prepare
from benchmarks.measuring import free_port, put_load, serving
from benchmarks.server_peers import SCRIPTS
from benchmarks.workloads import WORKLOADS, Workload

ROUNDS = 51
SECONDS, WARMUP = 0.5, 0.1
WAYS = "Python", "C"

_HANDSHAKES = WORKLOADS["handshakes"]
_BROWSERS = replace(_HANDSHAKES, name="of browsers", browser=True, needs="deflate")

TWINS = {
    "accept_key": ("txws2.wire.handshake.server", [_HANDSHAKES]),
    "read_request": ("txws2.wire.http.readers", [_HANDSHAKES, _BROWSERS]),
    "read_through": ("txws2._transport.epoll", [WORKLOADS["echo"], WORKLOADS["pipelined"]]),
}
"""For each function, the module that calls it, and loads in which it is called often."""

Figures = dict[str, list[float]]
"""CPU microseconds in each round, by the way."""


@contextmanager
def servers(name: str) -> Iterator[dict[str, tuple[int, int]]]:
    """Run a server for each way; give the process and the port of each."""
    module, _ = TWINS[name]
    with ExitStack() as stack:
        running = {}
        for way in WAYS:
            port = free_port()
            script = str(SCRIPTS / "twin_server.py")
            command = [sys.executable, script, module, name, way, str(port)]
            running[way] = stack.enter_context(serving(command, port)).pid, port
        yield running


def compare(running: dict[str, tuple[int, int]], workload: Workload, rounds: int) -> Figures:
    """Return what each server takes; the one that begins changes from round to round."""
    found: Figures = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in WAYS if number % 2 else WAYS[::-1]:
            result = put_load(*running[way], workload, SECONDS, f"--warmup={WARMUP}")
            found[way].append(result["cpu_us"])
    return found


def report(workload: Workload, found: Figures) -> None:
    """Print what came of it."""
    print(f"{workload.name}:")
    for way, figures in found.items():
        spread = (max(figures) - min(figures)) / median(figures)
        print(f"  {way:8}{median(figures):8.2f} us, spread {spread:.0%}")
    saved = [1 - c / python for python, c in zip(*found.values(), strict=True)]
    low, middle, high = quantiles(saved, n=4)
    print(f"  saved   {middle:8.1%}, in half of the rounds {low:.1%} to {high:.1%}", flush=True)


def main(name: str, rounds: str | int = ROUNDS) -> None:
    """Measure what a function brings."""
    prepare()
    with servers(name) as running:
        for workload in TWINS[name][1]:
            report(workload, compare(running, workload, int(rounds)))


if __name__ == "__main__":
    main(*sys.argv[1:])
