"""The exception that a wrapped protocol gets in connectionLost: the one that TCP would give."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost

from txws2.exceptions import ConnectionClosed, ConnectionClosedOK
from txws2.wire.closing import is_ok

__all__ = ["tcp_reason"]


def tcp_reason(
    closed: ConnectionClosed, aborted_here: bool, all_sent: Callable[[], bool]
) -> Exception:
    """Return the exception with which a TCP connection would have ended.

    Args:
        closed: the end of the WebSocket; it becomes the cause of the result.
        aborted_here: True if the protocol has called abortConnection.
        all_sent: returns True if the system has taken everything that was sent, including the
            close frame.
    """
    reason = _reason(closed, aborted_here, all_sent)
    reason.__cause__ = closed
    return reason


def _reason(
    closed: ConnectionClosed, aborted_here: bool, all_sent: Callable[[], bool]
) -> Exception:
    aborted = isinstance(closed.__cause__, ConnectionAborted)
    if aborted_here or (aborted and closed.sent is None):
        return ConnectionAborted()
    if isinstance(closed, ConnectionClosedOK):
        return ConnectionDone()
    if _hung_up(closed) and not aborted and all_sent():
        # Over TCP, too, a protocol that hangs up doesn't learn what becomes of the peer.
        return ConnectionDone()
    return ConnectionLost(str(closed))


def _hung_up(closed: ConnectionClosed) -> bool:
    """Return True if this end sent the first close frame, with a code that reports no error."""
    return closed.sent is not None and is_ok(closed.sent.code) and not closed.rcvd_then_sent
