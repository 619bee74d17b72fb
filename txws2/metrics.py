"""The counters of servers and clients for Prometheus; this needs the extra `metrics`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from twisted.python.threadable import isInIOThread

from txws2._connection.counters import FactoryCounters
from txws2.wire.frames import Opcode

__all__ = ["Counting", "WebSocketCollector"]

# Seconds to wait for the reactor. While the reactor shuts down, it waits for its threads. A thread
# that waited for the reactor without limit would block both.
_PATIENCE = 5


class Counting(Protocol):
    """An object with counters: a factory, or a `Server`."""

    @property
    def counters(self) -> FactoryCounters:
        """The counters of all its connections."""


class WebSocketCollector(Collector):
    """Collects the counters of factories and servers for each scrape.

    It does nothing between scrapes. It may be called in any thread: while the reactor runs, the
    counters are read in the reactor's thread.

    Args:
        sources: factories or servers by name. The name is the label "factory" of each metric.
        reactor: the reactor that they run on; None for the global one.
    """

    def __init__(self, sources: Mapping[str, Counting], reactor: Any = None) -> None:
        self._sources = sources
        if reactor is None:
            from twisted.internet import reactor
        self._reactor = reactor

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        counted = self._read()
        for family, samples in (
            *_connections(counted),
            *_traffic(counted),
            *_state(counted),
        ):
            for labels, value in samples:
                family.add_metric(labels, value)
            yield family

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without their values."""
        for family, _ in (*_connections({}), *_traffic({}), *_state({})):
            yield family

    def _read(self) -> _Counted:
        if not getattr(self._reactor, "running", False) or isInIOThread():
            return self._read_here()
        read: Future[_Counted] = Future()
        self._reactor.callFromThread(lambda: read.set_result(self._read_here()))
        return read.result(timeout=_PATIENCE)

    def _read_here(self) -> _Counted:
        return {name: source.counters for name, source in self._sources.items()}


_Counted = dict[str, FactoryCounters]
_Samples = list[tuple[list[str], float]]
_Family = tuple[CounterMetricFamily | GaugeMetricFamily, _Samples]


def _connections(counted: _Counted) -> Iterator[_Family]:
    yield _gauge("connections", "Connections in any state", counted, "connections")
    yield _counter("connections_opened", "Connections that were opened", counted, "opened")
    yield _counter(
        "requests_answered",
        "Requests that the application answered with an HTTP response that is no refusal",
        counted,
        "answered",
    )
    yield _labelled(
        "connections_closed",
        "Connections that were closed, by the code of the close frame that came first",
        "code",
        {name: _by_kind(counters.closed) for name, counters in counted.items()},
    )
    yield _labelled(
        "handshakes_failed",
        "Opening handshakes that were refused or broken off, by the reason",
        "reason",
        {name: counters.refused for name, counters in counted.items()},
    )


def _traffic(counted: _Counted) -> Iterator[_Family]:
    for way, done in ("in", "received"), ("out", "sent"):
        yield _counter(f"messages_{done}", f"Messages {done}", counted, f"messages_{way}")
        yield _counter(
            f"{done}_bytes", f"Bytes of frames {done}, before TLS", counted, f"bytes_{way}"
        )
        yield _counter(
            f"{done}_payload_bytes",
            f"Bytes of messages {done}, uncompressed",
            counted,
            f"payload_{way}",
        )
        frames = {name: getattr(counters, f"frames_{way}") for name, counters in counted.items()}
        yield _labelled(
            f"frames_{done}",
            f"Frames {done}, by opcode",
            "opcode",
            {name: _by_name(numbers) for name, numbers in frames.items()},
        )


def _state(counted: _Counted) -> Iterator[_Family]:
    yield _gauge(
        "latency_seconds", "Mean of the latest round-trip times of connections", counted, "latency"
    )
    yield _gauge(
        "messages_waiting", "Messages that wait for the application", counted, "waiting_in"
    )
    yield _gauge(
        "waiting_bytes", "Bytes that wait for room in the transports", counted, "waiting_out"
    )
    yield _gauge("uptime_seconds", "Time since the factory was made", counted, "uptime")


def _counter(name: str, text: str, counted: _Counted, field: str) -> _Family:
    family = CounterMetricFamily(f"txws2_{name}", text, labels=["factory"])
    return family, _samples(counted, field)


def _gauge(name: str, text: str, counted: _Counted, field: str) -> _Family:
    return GaugeMetricFamily(f"txws2_{name}", text, labels=["factory"]), _samples(counted, field)


def _labelled(
    name: str, text: str, label: str, counted: Mapping[str, Mapping[str, int]]
) -> _Family:
    """Make a counter with another label besides the factory's name."""
    family = CounterMetricFamily(f"txws2_{name}", text, labels=["factory", label])
    return family, [
        ([factory, value], number)
        for factory, numbers in counted.items()
        for value, number in numbers.items()
    ]


def _samples(counted: _Counted, field: str) -> _Samples:
    return [([name], getattr(counters, field)) for name, counters in counted.items()]


def _by_name(frames: Mapping[Opcode, int]) -> dict[str, int]:
    return {opcode.name.lower(): number for opcode, number in frames.items()}


def _by_kind(closed: Mapping[int, int]) -> dict[str, int]:
    """Group the codes from 3000 on: peers choose them, and could make two thousand series."""
    kinds: dict[str, int] = {}
    for code, number in closed.items():
        kind = str(code) if code < 3000 else f"{code // 1000}xxx"
        kinds[kind] = kinds.get(kind, 0) + number
    return kinds
