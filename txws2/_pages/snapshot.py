"""The state of a server at one moment, for the status page."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterable, Mapping
from heapq import nlargest
from typing import Any

from txws2._connection.counters import Books, Standing
from txws2._connection.journal import text_of
from txws2.server.factory import WebSocketServerFactory

__all__ = ["memory", "snapshot"]

# The page has a row for each of these; a server may have a million connections, and rooms.
_SLOW = 10
_ROOMS = 50


def snapshot(factories: Mapping[str, WebSocketServerFactory], uptime: float) -> dict[str, Any]:
    """Return the state of all factories together, as the status page gets it in JSON.

    Args:
        factories: the factories, by their names.
        uptime: the seconds since the server was made.
    """
    books = Books()
    standings: list[tuple[Any, Standing]] = []
    for factory in dict.fromkeys(factories.values()):
        books.add(factory.books)
        standings += ((driver, driver.standing()) for driver in factory.drivers())
    counters = books.counters((standing for _, standing in standings), uptime)
    return {
        "uptime": uptime,
        "connections": counters.connections,
        "opened": counters.opened,
        "messages": [counters.messages_in, counters.messages_out],
        "bytes": [counters.bytes_in, counters.bytes_out],
        "latency": _latency(standing.latency for _, standing in standings),
        "closed": {str(code): number for code, number in sorted(counters.closed.items())},
        "refused": dict(counters.refused),
        "waiting": [counters.waiting_in, counters.waiting_out],
        "slow": _slow(standings),
        "rooms": _rooms(factories.values()),
        "memory": memory(),
    }


def _latency(known: Iterable[float]) -> list[float] | None:
    """Return the median, the 95th percentile, and the largest; None if there are no latencies."""
    latencies = sorted(filter(None, known))
    if not latencies:
        return None
    last = len(latencies) - 1
    return [latencies[last // 2], latencies[last * 95 // 100], latencies[last]]


def _slow(standings: Iterable[tuple[Any, Standing]]) -> list[dict[str, Any]]:
    """Return the clients for whom the most bytes wait."""
    waiting = (pair for pair in standings if pair[1].waiting_out)
    return [
        {"peer": text_of(driver.peer_address), "id": driver.id, "waiting": standing.waiting_out}
        for driver, standing in nlargest(_SLOW, waiting, key=lambda pair: pair[1].waiting_out)
    ]


def _rooms(factories: Iterable[WebSocketServerFactory]) -> list[tuple[str, int]] | None:
    """Return the largest rooms with the numbers of their members; None if nothing has rooms.

    A handler that has rooms has a method `room_numbers`, which returns these numbers by name.
    """
    handlers: dict[Any, None] = dict.fromkeys(factory.handler for factory in factories)
    tables = [each.room_numbers() for each in handlers if hasattr(each, "room_numbers")]
    if not tables:
        return None
    rooms = (pair for table in tables for pair in table.items())
    return nlargest(_ROOMS, rooms, key=lambda pair: pair[1])


def memory() -> int:
    """Return the memory of this process in bytes: now on Linux, at most so far elsewhere."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # macOS counts in bytes, all others in KiB.
        return most if sys.platform == "darwin" else most * 1024
