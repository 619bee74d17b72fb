"""Connections whose first request hasn't come yet, so that nobody knows to whom they belong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, IProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from txws2._deferreds.isolation import isolated
from txws2._time.deadlines import Deadlines
from txws2._transport.capabilities import abort
from txws2._transport.handover import exchange_protocol
from txws2.wire.http.first_requests import has_first_line, is_decided

__all__ = ["Arrival", "Arrivals"]


class Arrival(Protocol):
    """Keeps the first bytes of a connection until they tell to whom it belongs.

    Args:
        arrivals: all such connections of a factory.
        address: the address of the client.

    Attributes:
        address: the address of the client.
        kept: the bytes that have come.
    """

    kept: bytes | bytearray = b""

    def __init__(self, arrivals: Arrivals, address: IAddress | None) -> None:
        self._arrivals = arrivals
        self.address = address

    def connectionMade(self) -> None:
        """Wait for the first request."""
        self._arrivals.add(self)

    def dataReceived(self, data: bytes) -> None:
        """Take bytes of the first request."""
        known = len(self.kept)
        if known:
            self.kept += data
        else:
            # Mostly, the first read is enough.
            self.kept = data
        if not self._arrivals.read(self, known) and not known:
            self.kept = bytearray(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Forget a client that has left without a request."""
        self._arrivals.discard(self)
        self._arrivals.rest()

    def hand_over(self, make: Callable[[IAddress | None], IProtocol | None]) -> Any:
        """Give the connection to another protocol, with the bytes so far; return that protocol.

        Args:
            make: makes the protocol, for the address of the client.

        Raises:
            Exception: the protocol can't be made; the connection is aborted.
        """
        self._arrivals.discard(self)
        transport, kept = self.transport, self.kept
        assert transport is not None
        try:
            protocol = make(self.address)
        except BaseException:
            abort(transport)
            raise
        if protocol is None:
            abort(transport)
            return None
        exchange_protocol(transport, protocol)
        protocol.makeConnection(transport)
        if kept:
            protocol.dataReceived(kept if isinstance(kept, bytes) else bytes(kept))
        return protocol


class Arrivals:
    """The connections of a factory that belong to nobody yet.

    Args:
        clock: runs the timer.
        seconds: the seconds that a client has for its first request; None for no limit.
        limit: the bytes that are kept of a first request, before its lines so far must do.
        whole: True if the head of a request must be there; False if its first line is enough.
        settle: called with an arrival once its bytes are enough.
        miss: called with an arrival whose time is over.
    """

    def __init__(
        self,
        clock: Any,
        seconds: float | None,
        limit: int,
        whole: bool,
        settle: Callable[[Arrival], object],
        miss: Callable[[Arrival], object],
    ) -> None:
        self._here: set[Arrival] = set()
        self._deadlines = None if seconds is None else Deadlines(clock, seconds, miss)
        self._limit = limit
        self._whole = whole
        self._settle = settle

    def add(self, arrival: Arrival) -> None:
        """Wait for the first request of a connection."""
        self._here.add(arrival)
        if self._deadlines is not None:
            self._deadlines.add(arrival)

    def discard(self, arrival: Arrival) -> None:
        """Wait no longer for a connection, if it is here."""
        self._here.discard(arrival)
        if self._deadlines is not None:
            self._deadlines.discard(arrival)

    def rest(self) -> None:
        """Stop the timer, if no connection is here."""
        if self._deadlines is not None and not self._here:
            self._deadlines.rest()

    def read(self, arrival: Arrival, known: int) -> bool:
        """Settle an arrival if its bytes are enough; return True if they are.

        Args:
            arrival: the arrival.
            known: the number of its bytes that weren't enough.
        """
        kept = arrival.kept
        enough = is_decided(kept, known) if self._whole else has_first_line(kept)
        enough = enough or len(kept) > self._limit
        if enough:
            self._settle(arrival)
        return enough

    def settle_all(self, settle: Callable[[Arrival], object]) -> None:
        """Call this with each arrival; the timer stops then."""
        for arrival in list(self._here):
            isolated(settle, arrival)
        self.rest()
