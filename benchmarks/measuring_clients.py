"""The measurements of one client: the load on one core, the client on another."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence

from benchmarks.client_loads import ClientLoad
from benchmarks.client_peers import SCRIPTS, Client
from benchmarks.installing import BUILD, FEED
from benchmarks.measuring import CORES, Failed, Result, free_port, serving
from benchmarks.peers import Tools

__all__ = ["measure_client"]

SECONDS_TO_START = 60


def measure_client(
    tools: Tools, client: Client, loads: Sequence[ClientLoad], seconds: float, warmup: float
) -> Iterator[Result]:
    """Put these loads on a client, each on a process of its own; generate a result for each."""
    for load in loads:
        try:
            yield _measure(tools, client, load, seconds, warmup)
        except Failed as exc:
            yield {"error": str(exc)}


def _measure(
    tools: Tools, client: Client, load: ClientLoad, seconds: float, warmup: float
) -> Result:
    port = free_port()
    command = client.command(tools, f"ws://127.0.0.1:{port}/", load, seconds, warmup)
    with serving([str(FEED), str(port), *load.arguments()], port):
        return _run(command, seconds)


def _run(command: list[str], seconds: float) -> Result:
    """Run a client; return the figures that it prints."""
    environment = os.environ | {"NODE_PATH": str(BUILD / "node_modules")}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=seconds + SECONDS_TO_START,
            cwd=SCRIPTS,
            env=environment,
            preexec_fn=lambda: os.sched_setaffinity(0, {CORES[-1]}),
        )
    except subprocess.TimeoutExpired:
        raise Failed("the client doesn't end") from None
    try:
        result: Result = json.loads(done.stdout)
    except ValueError:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it says nothing"]
        raise Failed(f"the client fails: {said[-1]}") from None
    return result
