"""The policy of reconnection: which failures may pass, and the Retry-After of a server."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import CoroutineType

from twisted.internet import defer, error

from txws2._checks.kinds import check_instance
from txws2._checks.signatures import check_hook
from txws2._time.backoff import Backoff
from txws2.exceptions import (
    ConnectionClosed,
    InvalidMessage,
    InvalidProxyStatus,
    InvalidStatus,
    PayloadTooBig,
    ProtocolError,
    ProxyError,
    SecurityError,
    UnreachableThroughProxy,
)
from txws2.wire.closing import is_ok

__all__ = [
    "ProcessException",
    "check_retrying",
    "ended_in_trouble",
    "process_exception",
    "raise_unless_retried",
    "retry_after",
]

ProcessException = Callable[[Exception], Exception | None]
"""Decides on a failure: None to try again, or the exception to raise."""

_LONGEST = 3600.0

_NOTE = (
    "The client doesn't try again after this exception: process_exception decides that, and yours "
    "may decide otherwise; see docs/howto/reconnecting.rst"
)

_NETWORK = (
    error.ConnectError,
    error.ConnectionClosed,
    error.DNSLookupError,
    OSError,
    # OpeningTimeout is a built-in TimeoutError, so an OSError. Deferred.addTimeout raises this one.
    defer.TimeoutError,
)

# A server or a gateway sends these when a later request may succeed: RFC 9110 sections 15.5.9 and
# 15.6, RFC 8470 section 5.2, RFC 6585 section 4. Cloudflare sends 520 to 530.
_PASSING = {408, 425, 429, 500, 502, 503, 504, *range(520, 531)}


def process_exception(exc: Exception) -> Exception | None:
    """Decide whether to try again after an attempt has failed, or a connection ended in trouble.

    These failures may pass: errors of the network and of DNS, timeouts, a connection lost before
    it was open, and the responses 408, 425, 429, 500, 502, 503, 504 and 520 to 530, from the
    server or a proxy. A SOCKS proxy that can't reach the server may reach it later. A person must
    look at all other failures: a wrong certificate, a file that can't be read, a response that
    doesn't come from a WebSocket server, 401, 404, 407.

    A connection that was open is always followed by another, with any close code, because the
    server has accepted this client before.

    Args:
        exc: the exception of the attempt, or the ConnectionClosed of a connection that was open.
            `exc.rcvd.code` is the close code of the server, unless `exc.rcvd` is None.

    Returns:
        None to try again, or the exception to raise.
    """
    if isinstance(exc, (InvalidStatus, InvalidProxyStatus)):
        passes = exc.response.status_code in _PASSING
    else:
        passes = isinstance(exc, UnreachableThroughProxy) or _is_of_the_network(_origin(exc))
    return None if passes else exc


_default = process_exception


def _is_of_the_network(exc: BaseException | None) -> bool:
    # An OSError that names a file isn't one of the network: a certificate can't be read.
    return isinstance(exc, _NETWORK) and getattr(exc, "filename", None) is None


def _origin(exc: BaseException | None) -> BaseException | None:
    """Return the cause behind exceptions that only tell at which stage the connection ended."""
    # Without a cause, the exception is about something that the peer sent.
    while isinstance(exc, (InvalidMessage, SecurityError, ProxyError)):
        exc = exc.__cause__
    return exc


def check_retrying(process_exception: object, backoff: object) -> None:
    """Check these two options.

    Raises:
        TypeError: one of them is of the wrong kind.
    """
    if process_exception is not _default:
        check_hook("process_exception", process_exception, ["exception"])
    check_instance("backoff", backoff, Backoff, "Backoff(maximum=60)")


def raise_unless_retried(
    process_exception: ProcessException, exc: Exception, *, mistaken: bool = False
) -> None:
    """Raise the exception that process_exception returns, if it returns one.

    It gets a note, so that nobody takes the end of the attempts for a crash.

    Args:
        process_exception: the function.
        exc: the exception that it decides on.
        mistaken: True if no attempt could succeed, whatever the function returns; then there is no
            note.

    Raises:
        TypeError: process_exception has returned something else than an exception or None.
    """
    verdict: object = process_exception(exc)
    if isinstance(verdict, BaseException) and not mistaken:
        _note(verdict)
    if verdict is exc:
        raise exc
    if isinstance(verdict, BaseException):
        raise verdict from exc
    if verdict is not None:
        if isinstance(verdict, CoroutineType):
            verdict.close()
        # True could mean "try again" or "raise".
        raise TypeError(
            "process_exception must return None to try again, or the exception to raise; "
            f"it has returned {verdict!r}"
        ) from exc


def _note(exc: BaseException) -> None:
    # An application may return the same exception each time.
    if _NOTE not in getattr(exc, "__notes__", ()):
        exc.add_note(_NOTE)


def ended_in_trouble(exc: ConnectionClosed) -> bool:
    """Return True if process_exception must decide about the end of a connection.

    It isn't asked if the connection was lost, if both sides closed it without an error code, or
    if this side closed it. In these cases, neither side reported an error of the other.

    Args:
        exc: the ConnectionClosed of the connection.
    """
    if isinstance(exc.__cause__, (ProtocolError, PayloadTooBig)):
        return True
    rcvd, sent = exc.rcvd, exc.sent
    if rcvd is None or is_ok(rcvd.code):
        return False
    # Most servers answer a close frame with the same code.
    is_answer = sent is not None and not exc.rcvd_then_sent and sent.code == rcvd.code
    return not is_answer


def retry_after(exc: Exception, now: float) -> float:
    """Return the seconds that Retry-After asks for, from the server or the proxy; 0 without it.

    Retry-After has seconds or a date (RFC 9110 section 10.2.3). More than an hour counts as an
    hour, so that a mistake there can't keep a client away for good.

    Args:
        exc: the exception of the attempt to connect.
        now: the time, in seconds since 1970.
    """
    if not isinstance(exc, (InvalidStatus, InvalidProxyStatus)):
        return 0.0
    value = exc.response.headers.get("Retry-After", "")
    if re.fullmatch("[0-9]+", value):
        # float() takes any number of digits. int() has a limit, which a header line can exceed.
        return min(float(value), _LONGEST)
    try:
        when = parsedate_to_datetime(value)
        # RFC 9110 section 5.6.7: the form of asctime names no zone, and means GMT.
        when = when.replace(tzinfo=when.tzinfo or UTC)
        seconds = when.timestamp() - now
    except (ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), _LONGEST)
