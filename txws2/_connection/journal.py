"""The log lines on connections: opened, closed, refused, if the options ask for them; warnings."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txws2._connection.remedies import Spelling, remedy
from txws2._deferreds.causes import causes_of
from txws2._transport.capabilities import Address
from txws2.exceptions import ConnectionClosed, InvalidStatus, NegotiationError
from txws2.wire.closing import ClosingHandshake
from txws2.wire.escaping import escaped
from txws2.wire.http.heads import Request

__all__ = [
    "RareWarnings",
    "log_closed",
    "log_ended",
    "log_opened",
    "log_refused",
    "only_ended",
    "text_of",
]


_PAUSE = 60
"""Seconds between two warnings of one kind."""

_RARE = "(such a warning comes once a minute at most)"
_UNSAID = "({unsaid} more since the last such warning, which comes once a minute at most)"


class RareWarnings:
    """Warns of clients that fail, where the server's options may be wrong.

    There is one warning a minute at most for each kind of failure.

    Args:
        log: the log for the warnings.
        clock: the clock.

    Attributes:
        spelling: the notation of the options that a warning names.
    """

    def __init__(self, log: Logger, clock: IReactorTime) -> None:
        self._log = log
        self._clock = clock
        self.spelling = Spelling()
        # For each kind, the time of the last warning, and the number of warnings held back since.
        self._last: dict[str, tuple[float, int]] = {}

    def refused(
        self, connection: Any, status: int, reason: Exception, advice: str | None = None
    ) -> None:
        """Warn of a refused request, if an option may be to blame.

        Args:
            connection: the connection.
            status: the status code of the response.
            reason: the reason of the refusal.
            advice: advice for the warning; None for that of `remedy`.
        """
        text = "{connection} refused with {status}: {peer}: {reason}; {advice} "
        advice = advice or remedy(reason, connection, self.spelling)
        self._warn(text, connection, reason, advice, status=status)

    def failed(self, connection: Any, reason: BaseException | None) -> None:
        """Warn of a connection that has ended for this reason, if an option may be to blame."""
        text = "{connection} failed: {peer}: {reason}; {advice} "
        self._warn(text, connection, reason, remedy(reason, connection, self.spelling))

    def unanswered(self, connection: Any, request: Request) -> None:
        """Warn of a page that gets none of the subprotocols that it asks for.

        The connection is accepted, as RFC 6455 section 4.2.2 has it, but browsers then end it
        (WHATWG, WebSockets, section 2). Programs mostly go on.
        """
        if "Origin" in request.fields:
            reason = NegotiationError(
                "the page asks for a subprotocol, and gets none; so browsers end the connection"
            )
            text = "{connection} will fail: {peer}: {reason}; {advice} "
            self._warn(text, connection, reason, self._advice_on_subprotocols(connection))

    def _advice_on_subprotocols(self, connection: Any) -> str:
        hooks = connection.factory.hooks
        if hooks is not None and hooks.select_subprotocol is not None:
            return "select_subprotocol has chosen none"
        return f"{self.spelling.name('subprotocols')} lists those that the server speaks"

    def _warn(
        self,
        text: str,
        connection: Any,
        reason: BaseException | None,
        advice: str | None,
        **fields: Any,
    ) -> None:
        kind = type(reason).__name__
        if advice is None:
            return
        unsaid = self._turn(kind)
        if unsaid is not None:
            self._log.warn(
                text + (_UNSAID if unsaid else _RARE),
                connection=connection.id,
                peer=text_of(connection.peer_address),
                path=_path(connection),
                error=kind,
                reason=str(reason),
                advice=advice,
                unsaid=unsaid,
                **fields,
            )

    def _turn(self, kind: str) -> int | None:
        """Return the number of warnings held back if one is due; else count it, and return None."""
        now = self._clock.seconds()
        last, unsaid = self._last.get(kind, (None, 0))
        # A reactor's clock may be the system's, which may be set back.
        if last is not None and 0 <= now - last < _PAUSE:
            self._last[kind] = last, unsaid + 1
            return None
        self._last[kind] = now, 0
        return unsaid


def log_opened(log: Logger, connection: Any) -> None:
    """Log that a connection is open."""
    log.info(
        "{connection} opened: {peer} for {path}",
        connection=connection.id,
        peer=text_of(connection.peer_address),
        path=_path(connection),
        subprotocol=connection.subprotocol,
    )


def log_closed(log: Logger, connection: Any, exception: ConnectionClosed) -> None:
    """Log that a connection is closed, with the close codes and counters."""
    counters = connection.count()
    rcvd, sent = exception.rcvd, exception.sent
    log.info(
        "{connection} closed after {duration:.3f} s: {reason}; "
        "{messages_in} messages in, {messages_out} out",
        connection=connection.id,
        peer=text_of(connection.peer_address),
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


def only_ended(closing: ClosingHandshake, exception: BaseException | None) -> bool:
    """Return True if an exception says nothing but that this connection has ended.

    Such an exception is no error of the handler that was waiting. A group of exceptions, made by a
    TaskGroup or by gatherResults, counts if all exceptions in it do.
    """
    return exception is not None and all(
        isinstance(cause, ConnectionClosed) and cause.is_of(closing)
        for cause in causes_of(exception)
    )


def log_ended(log: Logger, connection: Any, exception: BaseException) -> None:
    """Log that a handler ended because its connection did, which is no error."""
    log.info(
        "{connection} handler ended with its connection: {reason}",
        connection=connection.id,
        reason=str(exception),
    )


def log_refused(log: Logger, connection: Any, status: int, reason: Exception) -> None:
    """Log that a request was refused, or answered with a response of the application's."""
    if isinstance(reason, InvalidStatus) and not reason.refuses:
        text = "{connection} answered with {status}: {peer} for {path}"
    else:
        text = "{connection} refused with {status}: {peer}: {reason}"
    log.info(
        text,
        connection=connection.id,
        peer=text_of(connection.peer_address),
        path=_path(connection),
        status=status,
        error=type(reason).__name__,
        reason=str(reason),
    )


def _path(connection: Any) -> str | None:
    request = connection.known_request
    # The query may contain a password.
    return None if request is None else request.path.partition("?")[0]


def text_of(address: Address) -> str:
    """Return an address as text for a person; "unknown" if there is none."""
    if not isinstance(address, tuple):
        return escaped(address or "unknown")
    host, port = address
    return escaped(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
