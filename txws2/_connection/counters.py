"""What a connection has counted, and what a factory has of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from txws2.exceptions import InvalidStatus
from txws2.wire.closing import CloseCode, ClosingHandshake
from txws2.wire.connection import Connection
from txws2.wire.counts import Tally
from txws2.wire.frames import BINARY, TEXT, Opcode

__all__ = [
    "Books",
    "ConnectionCounters",
    "Counters",
    "FactoryCounters",
    "Standing",
    "first_code",
]


class Standing(NamedTuple):
    """How a connection stands; `Counters` says what each is.

    There is no tally before the connection is open.
    """

    tally: Tally | None
    latency: float
    waiting_in: int
    waiting_out: int


@dataclass(frozen=True)
class Counters:
    """What went over one connection, or over many, from the end of the opening handshake on.

    What goes out counts when it is sent, whether it has left already or waits.

    Attributes:
        messages_in: messages that have come whole.
        messages_out: messages that were sent, or begun.
        bytes_in: bytes that have come, with headers and masks; over TLS, before it.
        bytes_out: bytes of the frames that were sent, likewise.
        payload_in: bytes of messages that have come, after inflating.
        payload_out: bytes of messages that were sent, before deflating.
        frames_in: for each `Opcode`, how many of its frames have come.
        frames_out: for each `Opcode`, how many of its frames were sent.
        latency: the latest round-trip time in seconds, 0 if there is none; of many connections,
            the mean of those that have one.
        waiting_in: messages that wait for `recv()`.
        waiting_out: bytes that wait to be sent, on top of what transports hold.
        uptime: seconds since the connection, or the factory, was made.
    """

    messages_in: int
    messages_out: int
    bytes_in: int
    bytes_out: int
    payload_in: int
    payload_out: int
    frames_in: Mapping[Opcode, int]
    frames_out: Mapping[Opcode, int]
    latency: float
    waiting_in: int
    waiting_out: int
    uptime: float


@dataclass(frozen=True)
class ConnectionCounters(Counters):
    """What went over one connection; as it was when it was asked for.

    When the connection is closed, its uptime is how long it was there.
    """

    @classmethod
    def of(cls, standing: Standing, uptime: float) -> ConnectionCounters:
        """Return the counters of a connection that stands so."""
        return cls(**_fields(standing, uptime))


@dataclass(frozen=True)
class FactoryCounters(Counters):
    """What went over all connections of a factory, those that are closed among them.

    Attributes:
        connections: how many there are, in whatever state.
        opened: how many opening handshakes have succeeded.
        answered: how many requests the application has answered with something else, as a page or
            200 to a health check. With 400 or above, they count as refused.
        refused: how many handshakes have failed, by the name of the exception's class.
            "InvalidMessage" stands for those, too, that left before they had said what they want.
        closed: how many connections have been closed, by the code of the close frame that came
            first, from either side; 1006 stands for none.
    """

    connections: int
    opened: int
    answered: int
    refused: Mapping[str, int]
    closed: Mapping[int, int]


class Books:
    """What a factory knows of connections that are no more.

    Attributes:
        opened: how many there were.
    """

    def __init__(self) -> None:
        self.opened = 0
        self._answered = 0
        self._refused: dict[str, int] = {}
        self._closed: dict[int, int] = {}
        self._tally = Tally()

    def refuse(self, reason: Exception) -> None:
        """Enter a connection that will never be open."""
        if isinstance(reason, InvalidStatus) and not reason.refuses:
            self._answered += 1
            return
        name = type(reason).__name__
        self._refused[name] = self._refused.get(name, 0) + 1

    def close(self, connection: Connection) -> None:
        """Enter a connection that was open."""
        self._tally.add(connection)
        code = first_code(connection.closing)
        self._closed[code] = self._closed.get(code, 0) + 1

    def counters(self, live: Iterable[Standing], uptime: float) -> FactoryCounters:
        """Return what there was and what there is.

        Args:
            live: how each connection stands that is there.
            uptime: of the factory.
        """
        tally = Tally()
        tally.add(self._tally)
        latencies: list[float] = []
        connections = waiting_in = waiting_out = 0
        for standing in live:
            connections += 1
            waiting_in += standing.waiting_in
            waiting_out += standing.waiting_out
            if standing.tally is not None:
                tally.add(standing.tally)
            if standing.latency:
                latencies.append(standing.latency)
        latency = sum(latencies) / len(latencies) if latencies else 0.0
        return FactoryCounters(
            **_fields(Standing(tally, latency, waiting_in, waiting_out), uptime),
            connections=connections,
            opened=self.opened,
            answered=self._answered,
            refused=dict(self._refused),
            closed=dict(self._closed),
        )


def first_code(closing: ClosingHandshake) -> int:
    """Return the code of the close frame that came first, from either side; 1006 for none."""
    # Ours, if there is one: where the peer's came first, it is an echo of that.
    first = closing.sent or closing.rcvd
    return CloseCode.ABNORMAL_CLOSURE if first is None else first.code


def _fields(standing: Standing, uptime: float) -> dict[str, Any]:
    tally = standing.tally or Tally()
    frames_in, frames_out = _by_opcode(tally.frames_in), _by_opcode(tally.frames_out)
    return {
        "messages_in": frames_in[TEXT] + frames_in[BINARY],
        "messages_out": frames_out[TEXT] + frames_out[BINARY],
        "bytes_in": tally.bytes_in,
        "bytes_out": tally.bytes_out,
        "payload_in": tally.payload_in,
        "payload_out": tally.payload_out,
        "frames_in": frames_in,
        "frames_out": frames_out,
        "latency": standing.latency,
        "waiting_in": standing.waiting_in,
        "waiting_out": standing.waiting_out,
        "uptime": uptime,
    }


def _by_opcode(frames: dict[int, int]) -> dict[Opcode, int]:
    return {opcode: frames[opcode] for opcode in Opcode}
