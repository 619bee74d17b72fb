"""The log's lines on connections: opened, closed, refused, if it is to; and warnings."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txws2.escaping import escaped
from txws2.exceptions import ConnectionClosed, InvalidHost, InvalidOrigin, InvalidStatus
from txws2.transports import Address

__all__ = [
    "RefusalWarnings",
    "id_of",
    "log_closed",
    "log_ended",
    "log_opened",
    "log_refused",
    "text_of",
]


def id_of(connection: Any) -> str:
    """Return a connection's name, unlike any other's."""
    if connection._id is None:
        connection._id = str(uuid4())
    name: str = connection._id
    return name


# Refusals for which the server's own options may be to blame.
_SUSPECT = (InvalidHost, InvalidOrigin)

_PAUSE = 60
"""Seconds between two warnings of one kind."""


class RefusalWarnings:
    """Warns that requests are refused which the server's options may refuse by mistake.

    There is one warning a minute at most of each kind, whoever sends how many such requests.

    Args:
        log: where to warn.
        clock: what tells how late it is.
    """

    def __init__(self, log: Logger, clock: IReactorTime) -> None:
        self._log = log
        self._clock = clock
        # Of each kind, when the last warning was, and how many refusals there were since then.
        self._last: dict[type[Exception], tuple[float, int]] = {}

    def note(self, connection: Any, status: int, reason: Exception) -> None:
        """Take note of a refusal, and warn of it if its turn has come."""
        if not isinstance(reason, _SUSPECT):
            return
        kind, now = type(reason), self._clock.seconds()
        last, unsaid = self._last.get(kind, (None, 0))
        # A reactor's clock is the system's, which may be set back.
        if last is not None and 0 <= now - last < _PAUSE:
            self._last[kind] = last, unsaid + 1
            return
        self._last[kind] = now, 0
        self._log.warn(
            "{connection} refused with {status}: {peer}: {reason} "
            "({unsaid} more since the last such warning; there is one a minute at most)",
            connection=id_of(connection),
            peer=text_of(connection._peer_address()),
            path=_path(connection),
            status=status,
            error=kind.__name__,
            reason=str(reason),
            unsaid=unsaid,
        )


def log_opened(log: Logger, connection: Any) -> None:
    """Log that a connection is open."""
    log.info(
        "{connection} opened: {peer} for {path}",
        connection=id_of(connection),
        peer=text_of(connection._peer_address()),
        path=_path(connection),
        subprotocol=connection.subprotocol,
    )


def log_closed(log: Logger, connection: Any, exception: ConnectionClosed) -> None:
    """Log that a connection is closed, and how that came about."""
    counters = connection._count()
    rcvd, sent = exception.rcvd, exception.sent
    log.info(
        "{connection} closed after {duration:.3f} s: {reason}; "
        "{messages_in} messages in, {messages_out} out",
        connection=id_of(connection),
        peer=text_of(connection._peer_address()),
        reason=str(exception),
        received_code=None if rcvd is None else rcvd.code,
        received_reason=None if rcvd is None else rcvd.reason,
        sent_code=None if sent is None else sent.code,
        sent_reason=None if sent is None else sent.reason,
        duration=counters.uptime,
        messages_in=counters.messages_in,
        messages_out=counters.messages_out,
        bytes_in=counters.bytes_in,
        bytes_out=counters.bytes_out,
    )


def log_ended(log: Logger, connection: Any, exception: BaseException) -> None:
    """Log that a handler ended because its connection did, which is no error of anybody's."""
    log.info(
        "{connection} handler ended with its connection: {reason}",
        connection=id_of(connection),
        reason=str(exception),
    )


def log_refused(log: Logger, connection: Any, status: int, reason: Exception) -> None:
    """Log that a request to open a connection is refused, or just answered with something else."""
    if isinstance(reason, InvalidStatus) and not reason.refuses:
        text = "{connection} answered with {status}: {peer} for {path}"
    else:
        text = "{connection} refused with {status}: {peer}: {reason}"
    log.info(
        text,
        connection=id_of(connection),
        peer=text_of(connection._peer_address()),
        path=_path(connection),
        status=status,
        error=type(reason).__name__,
        reason=str(reason),
    )


def _path(connection: Any) -> str | None:
    request = connection._known_request()
    # What a query has may be a password.
    return None if request is None else request.path.partition("?")[0]


def text_of(address: Address) -> str:
    """Return an address for a person, "unknown" if there is none."""
    if not isinstance(address, tuple):
        return escaped(address or "unknown")
    host, port = address
    return escaped(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
