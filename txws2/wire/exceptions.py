"""Exceptions of frames, messages and opening handshakes; `txws2.exceptions` has all of them."""

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

    Its text is always one line, even if it has words of a peer in it.
    """

    # RFC 6455 section 10.7: "Incoming data MUST always be validated by both clients and servers."
    # A text may quote what a peer sent. It is escaped here, so that no subclass can forget to.
    def __str__(self) -> str:
        return escaped(self._text())

    def _text(self) -> str:
        """Return the text, which may have words of a peer in it."""
        return super().__str__()


class InvalidURI(WebSocketException):
    """The URI isn't a WebSocket URI (RFC 6455 section 3).

    Attributes:
        uri: the URI, with ``***`` for a user name and a password.
        message: the rule that it breaks.
    """

    def __init__(self, uri: str, message: str) -> None:
        uri = anonymous(uri)
        super().__init__(uri, message)
        self.uri = uri
        self.message = message

    def _text(self) -> str:
        return f"{self.uri!r} isn't a WebSocket URI: {self.message}"


class InvalidProxy(WebSocketException):
    """The URL isn't that of a proxy.

    Attributes:
        proxy: the URL, with ``***`` for a user name and a password.
        message: the rule that it breaks.
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

    # RFC 6455 section 4.2.1: to a handshake that doesn't match, a server answers with "an HTTP
    # response with an appropriate error code". `handshake.server.refusal` has the codes. Section
    # 4.1: a client "MUST _Fail the WebSocket Connection_."


class SecurityError(InvalidHandshake):
    """The handshake broke a rule that protects this side."""


class RequestLineTooLong(SecurityError):
    """The request line is over the limit (answered 414)."""


class StatusLineTooLong(SecurityError):
    """The status line of the response is over the limit."""


class HeaderLineTooLong(SecurityError):
    """A header line is over the limit (answered 431)."""


class TooManyHeaders(SecurityError):
    """The head has more headers, or more bytes of them, than the limits allow (answered 431)."""


class ProxyError(InvalidHandshake):
    """The proxy can't be reached, or refused the tunnel."""


class UnreachableThroughProxy(ProxyError):
    """The SOCKS proxy allows the tunnel, but can't reach the server."""


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
    """A header is missing, or has a wrong value.

    Attributes:
        name: the name of the header.
        value: its value, or the rule that it breaks; None if the header is missing.
    """

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

    # RFC 6455 section 9.1: if a value doesn't conform to the ABNF, "the recipient of such malformed
    # data MUST immediately _Fail the WebSocket Connection_."

    def __init__(self, name: str, expected: str, value: str, position: int) -> None:
        super().__init__(name, f"expected {expected} at {position} in {value[:80]!r}")


class InvalidHeaderValue(InvalidHeader):
    """The header is well-formed, but its value isn't acceptable here."""


class InvalidHost(InvalidHeader):
    """The Host isn't one of the hosts that this server answers for (answered 421)."""

    def __init__(self, host: str) -> None:
        super().__init__("Host", host)

    def _text(self) -> str:
        host = (self.value or "")[:80]
        return (
            f"the server doesn't answer for the host {host!r}: that isn't among its hosts "
            "(--host of twistd ws)"
        )


class InvalidOrigin(InvalidHeader):
    """The Origin isn't one of the origins that this server accepts (answered 403).

    Attributes:
        host: the host of the request, if the Origin was compared with it; None if `origins` has
            no SAME_ORIGIN.
    """

    # RFC 6455 section 10.2: "If the origin indicated is unacceptable to the server, then it SHOULD
    # respond to the WebSocket handshake with a reply containing HTTP 403 Forbidden status code."

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
    """The headers Upgrade and Connection don't ask for, or don't confirm, a WebSocket."""


class InvalidPath(InvalidHandshake):
    """Nothing is at the path of the request (answered 404)."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def _text(self) -> str:
        return f"there is no WebSocket at {self.path}"


class NegotiationError(InvalidHandshake):
    """The two sides don't agree on a subprotocol or an extension."""


class RedirectError(InvalidHandshake):
    """The server redirected the client, and the client didn't follow.

    Attributes:
        chain: the URIs so far, without credentials; the last one is the URI that wasn't followed.
        message: the reason.
    """

    # RFC 6455 section 4.1: "the server might redirect the client using a 3xx status code (but
    # clients are not required to follow them)".

    def __init__(self, chain: Sequence[str], message: str) -> None:
        super().__init__(chain, message)
        self.chain = tuple(chain)
        self.message = message

    def _text(self) -> str:
        return f"{self.message}: {' -> '.join(self.chain)}"


class OpeningTimeout(InvalidHandshake, TimeoutError):
    """The connection wasn't open within open_timeout.

    Attributes:
        stage: the event that was awaited, "the server's answer" for instance; tracebacks show it.
    """

    def __init__(self, stage: str = "") -> None:
        super().__init__("timed out during opening handshake")
        self.stage = stage
        if stage:
            self.add_note(f"It was waiting for {stage}.")


class ServerClosing(InvalidHandshake):
    """The server is shutting down and takes no new connections (answered 503)."""

    def __init__(self) -> None:
        super().__init__("the server is shutting down")


class TooManyConnections(InvalidHandshake):
    """The server has max_connections connections already (answered 503)."""

    def __init__(self) -> None:
        super().__init__("the server has as many connections as it takes")


class TooManyConnectionsFromHost(InvalidHandshake):
    """The server has max_connections_per_host connections of this host already (answered 429)."""

    def __init__(self) -> None:
        super().__init__("the server has as many connections as it takes from one host")


class ProtocolError(WebSocketException):
    """A frame breaks the rules of RFC 6455.

    Attributes:
        code: the close code for the peer (RFC 6455 section 7.4.1): 1002, or 1007 for data that
            isn't UTF-8.
    """

    def __init__(self, message: str, code: int = 1002) -> None:
        super().__init__(message)
        self.code = code


class PayloadTooBig(WebSocketException):
    """A message is larger than max_size, or has more fragments than max_fragments.

    Attributes:
        size: the size of the message, as far as it is known.
        max_size: the largest size that is allowed.
        unit: the unit of both, "bytes" or "fragments".
    """

    # RFC 6455 section 7.4.1: 1009 is for "a message that is too big for it to process."
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
