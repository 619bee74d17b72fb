"""The sweeps: the same load with messages of every size, from 1 B to 4 MiB."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.client_loads import ClientLoad
from benchmarks.workloads import Workload

__all__ = ["SIZES", "SWEEPS", "Sweep"]

SIZES = tuple(2**exponent for exponent in range(23))

_SERVERS = "txws2", "websockets", "aiohttp", "picows", "ws", "uWebSockets.js"
_CLIENTS = "txws2", "txws2-iter", "websockets", "aiohttp", "picows", "ws"

# A connection of a stream has no more bytes than this in flight, or one message.
_MOST_IN_FLIGHT, _MOST_MESSAGES = 2**18, 64


@dataclass(frozen=True)
class Sweep:
    """Loads that differ in the size of their messages only.

    Attributes:
        name: its name on the command line and in the tables.
        title: a description of the load.
        loads: the loads, by the size of their messages.
        programs: the servers or clients that it measures.
    """

    name: str
    title: str
    loads: dict[int, Workload | ClientLoad]
    programs: tuple[str, ...]


def _echo(name: str, size: int) -> Workload:
    return Workload(name, connections=4, size=size, contents="binary")


def _stream(name: str, size: int) -> Workload:
    depth = max(1, min(_MOST_MESSAGES, _MOST_IN_FLIGHT // size))
    return Workload(name, connections=4, size=size, depth=depth)


def _feed(name: str, size: int) -> ClientLoad:
    return ClientLoad(name, size=size)


def _sweep(
    name: str,
    title: str,
    make: Callable[[str, int], Workload | ClientLoad],
    programs: tuple[str, ...],
) -> Sweep:
    return Sweep(name, title, {size: make(f"{name}-{size}", size) for size in SIZES}, programs)


SWEEPS = {
    sweep.name: sweep
    for sweep in [
        _sweep("echo-sizes", "servers: echo of one binary message", _echo, _SERVERS),
        _sweep("stream-sizes", "servers: echo of a stream of text", _stream, _SERVERS),
        _sweep("feed-sizes", "clients: feed of text", _feed, _CLIENTS),
    ]
}
