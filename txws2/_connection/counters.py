"""The counters of a connection, and those of all connections of a factory."""

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
    """The counts of a connection at one moment; `Counters` explains the fields.

    The tally is None before the connection is open.
    """

    tally: Tally | None
    latency: float
    waiting_in: int
    waiting_out: int


@dataclass(frozen=True)
class Counters:
    """The traffic of one connection, or of many, since the end of the opening handshake.

    An outgoing message counts when `send` is called, even while its bytes still wait.

    Attributes:
        messages_in: messages that were received whole.
        messages_out: messages that were sent, or begun.
        bytes_in: bytes that were received, with frame headers, without the overhead of TLS.
        bytes_out: bytes of the frames that were sent, likewise.
        payload_in: bytes of the received messages, after inflating.
        payload_out: bytes of the sent messages, before deflating.
        frames_in: the number of received frames of each `Opcode`.
        frames_out: the number of sent frames of each `Opcode`.
        latency: the latest round-trip time in seconds, 0 if there is none; for many connections,
            the mean of those that have one.
        waiting_in: messages that wait for `recv()`.
        waiting_out: bytes that wait to be sent, without those that transports hold.
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
    """The traffic of one connection up to the moment of the call.

    Once the connection is closed, its uptime is the time that it lasted.
    """

    @classmethod
    def of(cls, standing: Standing, uptime: float) -> ConnectionCounters:
        """Return the counters of a connection from its counts."""
        return cls(**_fields(standing, uptime))


@dataclass(frozen=True)
class FactoryCounters(Counters):
    """The traffic of all connections of a factory, including those that are closed.

    Attributes:
        connections: the number of connections now, in any state.
        opened: the number of opening handshakes that have succeeded.
        answered: the number of requests that the application has answered otherwise, as with a
            page, or with 200 to a health check. Responses with 400 or above count as refused.
        refused: the number of failed handshakes, by the name of the exception's class.
            "InvalidMessage" also stands for clients that left before their request was complete.
        closed: the number of closed connections, by the code of the close frame that came first,
            from either side; 1006 stands for none.
    """

    connections: int
    opened: int
    answered: int
    refused: Mapping[str, int]
    closed: Mapping[int, int]


class Books:
    """The counts of a factory's past connections.

    Attributes:
        opened: the number of connections that were ever open.
    """

    def __init__(self) -> None:
        self.opened = 0
        self._answered = 0
        self._refused: dict[str, int] = {}
        self._closed: dict[int, int] = {}
        self._tally = Tally()

    def refuse(self, reason: Exception) -> None:
        """Count a connection that will never be open."""
        if isinstance(reason, InvalidStatus) and not reason.refuses:
            self._answered += 1
            return
        name = type(reason).__name__
        self._refused[name] = self._refused.get(name, 0) + 1

    def close(self, connection: Connection) -> None:
        """Count a connection that was open and is closed."""
        self._tally.add(connection)
        code = first_code(connection.closing)
        self._closed[code] = self._closed.get(code, 0) + 1

    def add(self, other: Books) -> None:
        """Count the past connections of another factory, too."""
        self.opened += other.opened
        self._answered += other._answered
        self._tally.add(other._tally)
        for name, number in other._refused.items():
            self._refused[name] = self._refused.get(name, 0) + number
        for code, number in other._closed.items():
            self._closed[code] = self._closed.get(code, 0) + number

    def counters(self, live: Iterable[Standing], uptime: float) -> FactoryCounters:
        """Return the counters of past and present connections together.

        Args:
            live: the counts of each present connection.
            uptime: the uptime of the factory.
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
    # If the peer's close frame came first, ours echoes its code (RFC 6455 section 5.5.1).
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
