"""All exceptions, as one tree.

* `WebSocketException`
    * `ConnectionClosed`
        * `ConnectionClosedOK` (also a `twisted.internet.error.ConnectionDone`)
        * `ConnectionClosedError` (also a `twisted.internet.error.ConnectionLost`)
    * `InvalidURI`
    * `InvalidProxy`
    * `InvalidHandshake`
        * `SecurityError`
            * `RequestLineTooLong`, `StatusLineTooLong`, `HeaderLineTooLong`, `TooManyHeaders`
        * `ProxyError`
            * `InvalidProxyStatus`, `UnreachableThroughProxy`
        * `InvalidMessage`
        * `InvalidMethod`
        * `InvalidProtocol`
        * `InvalidStatus`
        * `InvalidHeader`
            * `InvalidHeaderFormat`, `InvalidHeaderValue`, `InvalidHost`, `InvalidOrigin`,
              `InvalidUpgrade`
        * `InvalidPath`
        * `NegotiationError`
        * `RedirectError`
        * `OpeningTimeout` (also the built-in `TimeoutError`)
        * `ServerClosing`
        * `TooManyConnections`, `TooManyConnectionsFromHost`
    * `ProtocolError`
    * `PayloadTooBig`
    * `InvalidState`
    * `ConcurrencyError`
"""

from __future__ import annotations

from twisted.internet import error

from txws2.wire.closing import Close, ClosingHandshake
from txws2.wire.exceptions import (
    HeaderLineTooLong,
    InvalidHandshake,
    InvalidHeader,
    InvalidHeaderFormat,
    InvalidHeaderValue,
    InvalidHost,
    InvalidMessage,
    InvalidMethod,
    InvalidOrigin,
    InvalidPath,
    InvalidProtocol,
    InvalidProxy,
    InvalidState,
    InvalidUpgrade,
    InvalidURI,
    NegotiationError,
    OpeningTimeout,
    PayloadTooBig,
    ProtocolError,
    ProxyError,
    RedirectError,
    RequestLineTooLong,
    SecurityError,
    ServerClosing,
    StatusLineTooLong,
    TooManyConnections,
    TooManyConnectionsFromHost,
    TooManyHeaders,
    UnreachableThroughProxy,
    WebSocketException,
)
from txws2.wire.http.statuses import InvalidProxyStatus, InvalidStatus

__all__ = [
    "ConcurrencyError",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "HeaderLineTooLong",
    "InvalidHandshake",
    "InvalidHeader",
    "InvalidHeaderFormat",
    "InvalidHeaderValue",
    "InvalidHost",
    "InvalidMessage",
    "InvalidMethod",
    "InvalidOrigin",
    "InvalidPath",
    "InvalidProtocol",
    "InvalidProxy",
    "InvalidProxyStatus",
    "InvalidState",
    "InvalidStatus",
    "InvalidURI",
    "InvalidUpgrade",
    "NegotiationError",
    "OpeningTimeout",
    "PayloadTooBig",
    "ProtocolError",
    "ProxyError",
    "RedirectError",
    "RequestLineTooLong",
    "SecurityError",
    "ServerClosing",
    "StatusLineTooLong",
    "TooManyConnections",
    "TooManyConnectionsFromHost",
    "TooManyHeaders",
    "UnreachableThroughProxy",
    "WebSocketException",
]


class ConnectionClosed(WebSocketException):
    """The connection is closed, so nothing more can be sent or received.

    Attributes:
        rcvd: the close frame received, or None.
        sent: the close frame sent, or None.
        rcvd_then_sent: True if the peer's close frame came first; None unless there are both.
    """

    def __init__(
        self, rcvd: Close | None, sent: Close | None, rcvd_then_sent: bool | None = None
    ) -> None:
        super().__init__(rcvd, sent, rcvd_then_sent)
        self.rcvd = rcvd
        self.sent = sent
        self.rcvd_then_sent = rcvd_then_sent

    @classmethod
    def of(cls, closing: ClosingHandshake) -> ConnectionClosed:
        """Make the exception for the end of a connection, of the right class and with its cause."""
        kind = ConnectionClosedOK if closing.clean else ConnectionClosedError
        exception = kind(closing.rcvd, closing.sent, closing.rcvd_then_sent)
        exception.__cause__ = closing.cause
        return exception

    def is_of(self, closing: ClosingHandshake) -> bool:
        """Return True if `of` has made this exception from this closing handshake."""
        return (
            self.rcvd is closing.rcvd
            and self.sent is closing.sent
            and self.__cause__ is closing.cause
        )

    def _text(self) -> str:
        if self.rcvd is None:
            if self.sent is None:
                return "no close frame received or sent"
            return f"sent {self.sent}; no close frame received"
        if self.sent is None:
            return f"received {self.rcvd}; no close frame sent"
        if self.rcvd_then_sent:
            return f"received {self.rcvd}; then sent {self.sent}"
        return f"sent {self.sent}; then received {self.rcvd}"


class ConnectionClosedOK(ConnectionClosed, error.ConnectionDone):
    """Both sides sent a close frame, each with one of the codes 1000, 1001 or 1005."""


class ConnectionClosedError(ConnectionClosed, error.ConnectionLost):
    """The connection broke, or one side closed it with a code other than 1000, 1001 or 1005.

    `__cause__` is the transport's error, or the exception about invalid data from the peer.
    """


class ConcurrencyError(WebSocketException):
    """Two calls at once that exclude each other: two readers, pings with one payload, threads.

    A connection belongs to the reactor's thread; other threads use `reactor.callFromThread`.
    """


# Tracebacks show the documented name of each exception, and pickle finds it there.
for _name in __all__:
    globals()[_name].__module__ = __name__
