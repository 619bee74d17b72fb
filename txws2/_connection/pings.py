"""Pings that wait for their pongs (RFC 6455 sections 5.5.2 and 5.5.3)."""

from __future__ import annotations

from secrets import token_bytes

from twisted.internet.defer import Deferred

from txws2._deferreds.eventual import Eventual
from txws2._deferreds.waiters import fail_quietly
from txws2.exceptions import ConcurrencyError, ConnectionClosed

__all__ = ["PendingPings"]


class PendingPings:
    """The pings sent, in order, each with the Deferred of its latency.

    Attributes:
        latency: the latest round-trip time, in seconds; 0 until there is one.
    """

    __slots__ = ("_kept_alive_by", "_pending", "latency")

    def __init__(self) -> None:
        self._pending: dict[bytes, tuple[float, Deferred[float]]] = {}
        self.latency = 0.0
        # The payload of the latest ping of the keepalive.
        self._kept_alive_by: bytes | None = None

    def new_payload(self) -> bytes:
        """Return a payload that no pending ping has, and that a peer can't predict."""
        while (payload := token_bytes(4)) in self._pending:
            pass  # pragma: no cover
        return payload

    def check(self, payload: bytes) -> None:
        """Make sure that a pong with this payload will be unambiguous.

        Raises:
            ConcurrencyError: a ping with this payload is waiting for its pong.
        """
        if payload in self._pending:
            raise ConcurrencyError(f"a ping with the payload {payload!r} is already waiting")

    def add(self, payload: bytes, now: float) -> Deferred[float]:
        """Note a ping that was sent; return the Deferred of its latency in seconds."""
        # The pong still comes if this is cancelled.
        deferred: Deferred[float] = Eventual()
        self._pending[payload] = now, deferred
        return deferred

    def add_for_keepalive(self, now: float) -> bytes:
        """Note a ping that the keepalive sends; return its payload.

        Nobody asks for the latency of the one before. A peer that sends, but never a pong, isn't to
        fill our memory with pings.
        """
        if self._kept_alive_by is not None:
            self._pending.pop(self._kept_alive_by, None)
        payload = self._kept_alive_by = self.new_payload()
        self.add(payload, now)
        return payload

    def settle(self, payload: bytes, now: float) -> None:
        """Settle the ping of a pong, and the pings before it; ignore an unsolicited pong.

        RFC 6455 section 5.5.3: an endpoint may answer only the latest of several pings.
        """
        if payload not in self._pending:
            return
        payloads = list(self._pending)
        settled = payloads[: payloads.index(payload) + 1]
        for sent, deferred in [self._pending.pop(each) for each in settled]:
            self.latency = now - sent
            deferred.callback(self.latency)

    def close(self, exception: ConnectionClosed) -> None:
        """Fail all pending pings: there will be no more pongs."""
        while self._pending:
            _, deferred = self._pending.pop(next(iter(self._pending)))
            fail_quietly(deferred, exception)
