"""The measurements of one server: the server on one core, the load generator on another."""

import json
import os
import resource
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.installing import BUILD, LOAD
from benchmarks.peers import Tools
from benchmarks.server_peers import SCRIPTS, Server
from benchmarks.workloads import Workload

__all__ = [
    "CORES",
    "Failed",
    "Result",
    "allow_open_files",
    "free_port",
    "measure_server",
    "put_load",
    "serving",
]

Result = dict[str, Any]
"""The figures of a measurement, or {"error": the reason that there are none}."""

ROOT = Path(__file__).resolve().parent.parent
LOG = BUILD / "server.log"
SECONDS_TO_START = 20
# The time for the load generator to open its connections: 10,000 of them take a while.
SECONDS_TO_OPEN = 150

CORES = sorted(os.sched_getaffinity(0))


class Failed(Exception):
    """The reason that a measurement has no result."""


def allow_open_files() -> None:
    """Raise the limit of open files for our child processes as far as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def measure_server(
    tools: Tools, server: Server, workloads: Sequence[Workload], seconds: float, warmup: float
) -> Iterator[Result]:
    """Put these workloads on one process of a server, in turn; generate a result for each."""
    port = free_port()
    options = [f"--warmup={warmup}", *([] if server.echoes else ["--lengths-only"])]
    measured = 0
    try:
        with serving(server.command(tools, port, workloads[0]), port) as process:
            for workload in workloads:
                yield put_load(process.pid, port, workload, seconds, *options)
                measured += 1
    except Failed as exc:
        # Results after a failure would say nothing of the server.
        yield from [{"error": str(exc)}] * (len(workloads) - measured)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def serving(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "NODE_PATH": str(BUILD / "node_modules"),
    }
    # The log is a file, because a full pipe would stop a server that prints much.
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            cwd=SCRIPTS,
            env=environment,
            preexec_fn=lambda: os.sched_setaffinity(0, {CORES[0]}),
        )
        try:
            _wait_until_listening(process, port)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"the server ends: {_last_words()}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            # The measurement begins after the server's start is really over.
            time.sleep(0.2)
            return
    raise Failed("the server doesn't listen")


def _last_words() -> str:
    lines = LOG.read_text(errors="replace").strip().splitlines() or ["it says nothing"]
    # Node.js prints the error first, and the traceback after it.
    return next((line for line in reversed(lines) if "Error" in line), lines[-1])


def put_load(server: int, port: int, workload: Workload, seconds: float, *options: str) -> Result:
    """Load a server, by its process and its port; return the load generator's result."""
    command = [str(LOAD), *workload.arguments(), *options]
    command += [f"--port={port}", f"--server={server}", f"--seconds={seconds}"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=seconds + SECONDS_TO_OPEN,
            preexec_fn=lambda: os.sched_setaffinity(0, {CORES[-1]}),
        )
    except subprocess.TimeoutExpired:
        raise Failed("the server doesn't answer") from None
    if done.returncode != 0:
        raise Failed(done.stderr.strip() or f"the load ends with {done.returncode}")
    result: Result = json.loads(done.stdout)
    return result
