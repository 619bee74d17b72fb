"""Which failures to connect may pass, and how long a server wants to be left alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

from twisted.internet import defer, error

from txws2.exceptions import (
    InvalidMessage,
    InvalidProxyStatus,
    InvalidStatus,
    ProxyError,
    SecurityError,
    UnreachableThroughProxy,
)

__all__ = ["ProcessException", "process_exception", "retry_after"]

ProcessException = Callable[[Exception], Exception | None]
"""Decides on an attempt that has failed: None to try again, or the exception to raise."""

_LONGEST = 3600.0

_NETWORK = (
    error.ConnectError,
    error.ConnectionClosed,
    error.DNSLookupError,
    OSError,
    # OpeningTimeout is the built-in one, which is an OSError; Deferred.addTimeout has its own.
    defer.TimeoutError,
)

# What a server says, or a gateway for it, while it isn't there.
_PASSING = {500, 502, 503, 504}


def process_exception(exc: Exception) -> Exception | None:
    """Decide whether to try again after an attempt to connect has failed.

    Errors of the network and of its names, timeouts, a connection lost before it was open and
    the responses 500, 502, 503 and 504 may pass, the server's and a proxy's alike; so may it that
    a SOCKS proxy can't reach the server. All else is for somebody to look at: a wrong certificate,
    a file that can't be read, a response that isn't one of a WebSocket server, 401, 404, 407.

    Args:
        exc: what the attempt has failed with.

    Returns:
        None to try again, or the exception to raise.
    """
    if isinstance(exc, (InvalidStatus, InvalidProxyStatus)):
        passes = exc.response.status_code in _PASSING
    else:
        passes = isinstance(exc, UnreachableThroughProxy) or _is_of_the_network(_origin(exc))
    return None if passes else exc


def _is_of_the_network(exc: BaseException | None) -> bool:
    # An error that names a file is none of the network: it is a certificate that can't be read.
    return isinstance(exc, _NETWORK) and getattr(exc, "filename", None) is None


def _origin(exc: BaseException | None) -> BaseException | None:
    """Return what is behind an exception that tells at which stage the connection ended."""
    # Without a cause, it was no end but what the other side said.
    while isinstance(exc, (InvalidMessage, SecurityError, ProxyError)):
        exc = exc.__cause__
    return exc


def retry_after(exc: Exception, now: float) -> float:
    """Return the seconds for which the server, or the proxy, wants to be left alone; 0 for none.

    Retry-After has seconds or a date (RFC 9110 section 10.2.3). More than an hour counts as one:
    a mistake there isn't to keep a client away for good.

    Args:
        exc: what the attempt to connect has failed with.
        now: the time, in seconds since 1970.
    """
    if not isinstance(exc, (InvalidStatus, InvalidProxyStatus)):
        return 0.0
    value = exc.response.headers.get("Retry-After", "")
    if re.fullmatch("[0-9]+", value):
        # Of digits there may be as many as a header line has room for.
        return min(float(value), _LONGEST)
    try:
        when = parsedate_to_datetime(value)
        # RFC 9110 section 5.6.7: the form of asctime names no zone, and means GMT.
        when = when.replace(tzinfo=when.tzinfo or UTC)
        seconds = when.timestamp() - now
    except (ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), _LONGEST)
