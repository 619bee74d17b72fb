"""Messages that wait for a connection."""

from __future__ import annotations

from typing import Any, Literal

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from txws2._checks.kinds import check_count
from txws2._deferreds.eventual import Eventual
from txws2._deferreds.waiters import fail_quietly
from txws2.client.protocol import WebSocketClientProtocol
from txws2.exceptions import InvalidState
from txws2.wire.encoder import Part, not_a_message

__all__ = ["Drop", "OutgoingQueue"]

Drop = Literal["newest", "oldest"]
"""The message that is dropped when too many wait."""


class OutgoingQueue:
    """A limited number of messages that wait for a connection.

    Args:
        limit: the number of messages that may wait.
        drop: "newest" to refuse a message when the queue is full, "oldest" to drop the one that
            has waited longest.

    Raises:
        ValueError: the limit is negative, or drop isn't one of the two.
    """

    def __init__(self, limit: int, drop: Drop) -> None:
        check_count("max_waiting", limit, 0, optional=False)
        if drop not in ("newest", "oldest"):
            raise ValueError(f"drop must be 'newest' or 'oldest'; it is {drop!r}")
        self._limit = limit
        self._drop = drop
        # In the order of sending. The cancellation of any one removes it.
        self._waiting: dict[Deferred[None], tuple[Part, bool | None, bool | None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, message: Part, text: bool | None, compress: bool | None) -> Deferred[None]:
        """Keep a message; the Deferred is for its `send`, and fails if the message is dropped."""
        if not isinstance(message, (str, bytes, bytearray, memoryview)):
            raise not_a_message(message)
        if not isinstance(message, (str, bytes)):
            # The application may reuse the buffer before the message is sent.
            message = bytes(memoryview(message))
        sent: Deferred[None] = Eventual(self._forget)
        self._waiting[sent] = message, text, compress
        if len(self._waiting) > self._limit:
            dropped = sent if self._drop == "newest" else next(iter(self._waiting))
            del self._waiting[dropped]
            fail_quietly(dropped, InvalidState(self._why()))
        return sent

    def send_on(self, ws: WebSocketClientProtocol) -> None:
        """Send all messages, in order."""
        while self._waiting:
            sent = next(iter(self._waiting))
            message, text, compress = self._waiting.pop(sent)
            maybeDeferred(
                WebSocketClientProtocol.send, ws, message, text, compress=compress
            ).addBoth(_settle, sent)

    def fail(self, exception: Exception) -> None:
        """Fail the `send` of each message."""
        while self._waiting:
            sent = next(iter(self._waiting))
            del self._waiting[sent]
            fail_quietly(sent, exception)

    def _forget(self, sent: Deferred[None]) -> None:
        self._waiting.pop(sent, None)

    def _why(self) -> str:
        if self._limit:
            return f"not sent: {self._limit} messages already waited, as max_waiting permits"
        return "not sent: there is no connection now, and max_waiting is 0"


def _settle(result: Any, sent: Deferred[None]) -> None:
    if sent.called:
        return  # It was cancelled after the message had been sent.
    if isinstance(result, Failure):
        assert isinstance(result.value, Exception)
        fail_quietly(sent, result.value)
    else:
        sent.callback(None)
