"""Errors of frames, messages and opening handshakes; `txws2.exceptions` has all that there are."""

from __future__ import annotations

from collections.abc import Sequence

from txws2.wire.escaping import anonymous, escaped

__all__ = [
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
    "InvalidState",
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


class WebSocketException(Exception):
    """The root of every exception that txws2 defines.

    Its text is one line, whatever a peer has said that is part of it.
    """

    def __str__(self) -> str:
        return escaped(self._text())

    def _text(self) -> str:
        """Return the text; a peer may have a say in it."""
        return super().__str__()


class InvalidURI(WebSocketException):
    """The URI isn't one of a WebSocket (RFC 6455 section 3).

    Attributes:
        uri: the URI, with ``***`` for a user name and a password.
        message: what is against it.
    """

    def __init__(self, uri: str, message: str) -> None:
        uri = anonymous(uri)
        super().__init__(uri, message)
        self.uri = uri
        self.message = message

    def _text(self) -> str:
        return f"{self.uri!r} isn't a WebSocket URI: {self.message}"


class InvalidProxy(WebSocketException):
    """The proxy to connect through isn't a valid one.

    Attributes:
        proxy: its URL, with ``***`` for a user name and a password.
        message: what is against it.
    """

    def __init__(self, proxy: str, message: str) -> None:
        proxy = anonymous(proxy)
        super().__init__(proxy, message)
        self.proxy = proxy
        self.message = message

    def _text(self) -> str:
        return f"{self.proxy!r} isn't a proxy: {self.message}"


class InvalidHandshake(WebSocketException):
    """The opening handshake failed."""


class SecurityError(InvalidHandshake):
    """The handshake broke a rule that is there for safety."""


class RequestLineTooLong(SecurityError):
    """The request line is over the limit (answered 414)."""


class StatusLineTooLong(SecurityError):
    """The status line of the response is over the limit."""


class HeaderLineTooLong(SecurityError):
    """A header line is over the limit (answered 431)."""


class TooManyHeaders(SecurityError):
    """There are more headers, or more bytes of them, than the limits allow (answered 431)."""


class ProxyError(InvalidHandshake):
    """The proxy can't be reached, or did not let us through."""


class UnreachableThroughProxy(ProxyError):
    """The SOCKS proxy would let us through, but can't reach the server."""


class InvalidMessage(InvalidHandshake):
    """The request or the response isn't well-formed HTTP."""


class InvalidMethod(InvalidHandshake):
    """The request isn't a GET (RFC 6455 section 4.1)."""

    def __init__(self, method: str) -> None:
        super().__init__(method)
        self.method = method

    def _text(self) -> str:
        return f"the method must be GET; it is {self.method}"


class InvalidProtocol(InvalidHandshake):
    """The message isn't HTTP/1.1 (RFC 6455 section 4.1)."""

    def __init__(self, protocol: str) -> None:
        super().__init__(protocol)
        self.protocol = protocol

    def _text(self) -> str:
        return f"the protocol must be HTTP/1.1; it is {self.protocol}"


class InvalidHeader(InvalidHandshake):
    """A header is missing, or doesn't say what it must."""

    def __init__(self, name: str, value: str | None = None) -> None:
        super().__init__(name, value)
        self.name = name
        self.value = value

    def _text(self) -> str:
        if self.value is None:
            return f"missing {self.name} header"
        if self.value == "":
            return f"empty {self.name} header"
        return f"invalid {self.name} header: {self.value}"


class InvalidHeaderFormat(InvalidHeader):
    """The header's text doesn't follow its grammar."""

    def __init__(self, name: str, expected: str, value: str, position: int) -> None:
        super().__init__(name, f"expected {expected} at {position} in {value[:80]!r}")


class InvalidHeaderValue(InvalidHeader):
    """The header is well-formed, but its value isn't acceptable here."""


class InvalidHost(InvalidHeader):
    """The Host isn't one that this server answers for (answered 421)."""

    def __init__(self, host: str) -> None:
        super().__init__("Host", host)

    def _text(self) -> str:
        host = (self.value or "")[:80]
        return (
            f"the server doesn't answer for the host {host!r}: that isn't among its hosts "
            "(--host of twistd ws)"
        )


class InvalidOrigin(InvalidHeader):
    """The Origin isn't one that this server accepts (answered 403).

    Attributes:
        host: the host that it was compared with, as the client has named it; None if origins has
            no SAME_ORIGIN, so that it wasn't compared with any.
    """

    def __init__(self, origin: str | None, host: str | None = None) -> None:
        super().__init__("Origin", origin)
        self.host = host

    def _text(self) -> str:
        if self.value is None:
            why = "programs send none, and origins= has no None, which accepts them"
        elif self.host is None:
            why = "it isn't one of origins="
        else:
            why = f"it is neither that of the host {self.host} nor another one of origins="
        return f"{super()._text()}; {why}"


class InvalidUpgrade(InvalidHeader):
    """Upgrade or Connection don't ask for, or don't confirm, a WebSocket."""


class InvalidPath(InvalidHandshake):
    """The request is for a path that there is nothing at (answered 404)."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def _text(self) -> str:
        return f"there is no WebSocket at {self.path}"


class NegotiationError(InvalidHandshake):
    """The two sides don't agree on a subprotocol or an extension."""


class RedirectError(InvalidHandshake):
    """The server sends us elsewhere, and we don't go there.

    Attributes:
        chain: the URIs so far, and last the one that wasn't asked, without credentials.
        message: why it wasn't.
    """

    def __init__(self, chain: Sequence[str], message: str) -> None:
        super().__init__(chain, message)
        self.chain = tuple(chain)
        self.message = message

    def _text(self) -> str:
        return f"{self.message}: {' -> '.join(self.chain)}"


class OpeningTimeout(InvalidHandshake, TimeoutError):
    """The connection wasn't open within open_timeout.

    Attributes:
        stage: what it was waiting for, "the server's answer" for instance; tracebacks show it.
    """

    def __init__(self, stage: str = "") -> None:
        super().__init__("timed out during opening handshake")
        self.stage = stage
        if stage:
            self.add_note(f"It was waiting for {stage}.")


class ServerClosing(InvalidHandshake):
    """The server is going away and takes no new connections (answered 503)."""

    def __init__(self) -> None:
        super().__init__("the server is shutting down")


class TooManyConnections(InvalidHandshake):
    """There are max_connections already (answered 503)."""

    def __init__(self) -> None:
        super().__init__("the server has as many connections as it takes")


class TooManyConnectionsFromHost(InvalidHandshake):
    """There are max_connections_per_host already of this host (answered 429)."""

    def __init__(self) -> None:
        super().__init__("the server has as many connections as it takes from one host")


class ProtocolError(WebSocketException):
    """A frame breaks the rules of RFC 6455.

    Attributes:
        code: the close code that says so (RFC 6455 section 7.4.1).
    """

    def __init__(self, message: str, code: int = 1002) -> None:
        super().__init__(message)
        self.code = code


class PayloadTooBig(WebSocketException):
    """A message is larger than max_size, or in more pieces than max_fragments.

    Attributes:
        size: of the message as far as it is known.
        max_size: what is allowed.
        unit: what both are counted in, "bytes" or "fragments".
    """

    code = 1009

    def __init__(self, size: int, max_size: int, unit: str = "bytes") -> None:
        super().__init__(size, max_size, unit)
        self.size = size
        self.max_size = max_size
        self.unit = unit

    def _text(self) -> str:
        unit = self.unit
        option = "max_size" if unit == "bytes" else f"max_{unit}"
        return (
            f"message of {self.size} {unit} or more exceeds the limit of {self.max_size} {unit} "
            f"({option})"
        )


class InvalidState(WebSocketException):
    """The connection isn't in a state that allows this."""
