"""What the log says of connections at level info, if it is to: opened, closed, refused."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from txws2.exceptions import ConnectionClosed
from txws2.transports import Address

__all__ = ["log_closed", "log_opened", "log_refused"]


def log_opened(log: Logger, connection: Any) -> None:
    """Log that a connection is open."""
    log.info(
        "{connection} opened: {peer} for {path}",
        connection=connection.id,
        peer=_text(connection.remote_address),
        path=_path(connection),
        subprotocol=connection.subprotocol,
    )


def log_closed(log: Logger, connection: Any, exception: ConnectionClosed) -> None:
    """Log that a connection is closed, and how that came about."""
    counters = connection.counters
    rcvd, sent = exception.rcvd, exception.sent
    log.info(
        "{connection} closed after {duration:.3f} s: {reason}; "
        "{messages_in} messages in, {messages_out} out",
        connection=connection.id,
        peer=_text(connection.remote_address),
        reason=_printable(str(exception)),
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


def log_refused(log: Logger, connection: Any, status: int, reason: Exception) -> None:
    """Log that a request to open a connection is answered with something else."""
    log.info(
        "{connection} refused with {status}: {peer}: {reason}",
        connection=connection.id,
        peer=_text(connection.remote_address),
        path=_path(connection),
        status=status,
        error=type(reason).__name__,
        reason=_printable(str(reason)),
    )


def _path(connection: Any) -> str | None:
    request = connection.request
    # What a query has may be a password.
    return None if request is None else request.path.partition("?")[0]


def _text(address: Address) -> str:
    if not isinstance(address, tuple):
        return address or "unknown"
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _printable(text: str) -> str:
    """Return a text in which a peer may have a say so that it is one line, and steers nothing."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
