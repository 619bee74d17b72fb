"""The server's side of the opening handshake (RFC 6455 section 4.2)."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus

from txws2.wire.exceptions import (
    HeaderLineTooLong,
    InvalidHandshake,
    InvalidHeader,
    InvalidHeaderValue,
    InvalidHost,
    InvalidMessage,
    InvalidMethod,
    InvalidOrigin,
    InvalidPath,
    InvalidProtocol,
    InvalidUpgrade,
    NegotiationError,
    OpeningTimeout,
    RequestLineTooLong,
    ServerClosing,
    TooManyConnections,
    TooManyConnectionsFromHost,
    TooManyHeaders,
)
from txws2.wire.handshake.rules import VERSION, accept_key, check_upgrade, single
from txws2.wire.http.fields import Lookup
from txws2.wire.http.grammar import parse_extensions, parse_tokens
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.readers import ResponseReader
from txws2.wire.permessage_deflate import Deflate, PerMessageDeflate, accept_offer

__all__ = [
    "NEGOTIATING",
    "accept",
    "acceptance",
    "check_acceptance",
    "check_request",
    "offered_subprotocols",
    "refusal",
    "select_compression",
    "select_subprotocol",
]

NEGOTIATING = ("sec-websocket-protocol", "sec-websocket-extensions")
"""The headers with which a client negotiates; many programs send neither."""

# RFC 9110 section 7.2: Host = uri-host [ ":" port ]. A uri-host is a name, an IPv4 address, or an
# IPv6 address in brackets. RFC 6874 adds the zone of a link-local address, which no client should
# send. curl and others do send it, with % in place of %25.
_HOST = re.compile(
    r"(?:[0-9A-Za-z._~\-%!$&'()*+,;=]+|\[[0-9A-Fa-f:.]+(?:%[0-9A-Za-z._~\-%]+)?\])(?::\d{0,5})?"
)

# All clients with the same browser or library send the same values of these headers. So each set of
# values is checked only once.
_ALIKE = (
    # The key is another in each request, and is checked each time.
    "sec-websocket-key",
    "host",
    "connection",
    "upgrade",
    "sec-websocket-version",
    "content-length",
    "transfer-encoding",
)
# The limits of the caches: the number of entries, and the length of each. Usual clients send less,
# and other clients must not fill the memory.
_MANY = 64
_LONG = 256

# The sets of values that have passed the check.
_sound: set[tuple[object, ...]] = set()

# Section 4.2.2, item 5: "A Status-Line with a 101 response code", "An |Upgrade| header field with
# value "websocket"", "A |Connection| header field with value "Upgrade"", and "A
# |Sec-WebSocket-Accept| header field."
_ACCEPTED = (
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: "
)


def check_request(request: Request) -> None:
    """Check a request by section 4.2.1.

    Raises:
        InvalidHandshake: the request doesn't ask for a WebSocket of version 13; the subclass
            tells the rule that it breaks.
    """
    # Section 4.2.1: if the handshake doesn't match, "the server MUST stop processing the client's
    # handshake and return an HTTP response with an appropriate error code (such as 400 Bad
    # Request)." `refusal` makes this response from the exception.
    #
    # Item 1: "An HTTP/1.1 or higher GET request". RFC 9110 section 7.8: "A server that receives an
    # Upgrade header field in an HTTP/1.0 request MUST ignore that Upgrade field."
    if request.protocol != "HTTP/1.1":
        raise InvalidProtocol(request.protocol)
    if request.method != "GET":
        raise InvalidMethod(request.method)
    headers = request.fields
    said = headers.said(_ALIKE)
    key, alike = said[0], said[1:]
    if alike not in _sound:
        _judge(headers)
        _remember(alike)
    # Item 5: a "value that, when decoded, is 16 bytes in length." Section 4.2.2 adds: "It is not
    # necessary for the server to base64-decode the |Sec-WebSocket-Key| value." This server decodes
    # it all the same: a client that can't make a key is no WebSocket client (section 11.3.1).
    if not isinstance(key, str):
        key = single(headers, "Sec-WebSocket-Key")
    try:
        nonce = a2b_base64(key, strict_mode=True)
    except ValueError:
        nonce = b""
    if len(nonce) != 16:
        raise InvalidHeaderValue("Sec-WebSocket-Key", key)


def _judge(headers: Lookup) -> None:
    """Check the headers of a request that are the same whenever a client connects."""
    # Item 2: "A |Host| header field containing the server's authority." By RFC 9112 section 3.2, a
    # server answers 400 to a request "that lacks a Host header field and to any request message
    # that contains more than one Host header field line or a Host header field with an invalid
    # field value."
    host = single(headers, "Host")
    if not _HOST.fullmatch(host):
        raise InvalidHeaderValue("Host", host)
    # RFC 9112 section 6: "The presence of a message body in a request is signaled by a
    # Content-Length or Transfer-Encoding header field." The body isn't skipped: a proxy that
    # expects no body would take it for frames, or for another request.
    if "Transfer-Encoding" in headers or headers.get("Content-Length", "0") != "0":
        raise InvalidMessage("the request has a body; a GET for a WebSocket has none")
    # Items 3 and 4 demand Upgrade and Connection. Item 6: "A |Sec-WebSocket-Version| header field,
    # with a value of 13."
    check_upgrade(headers)
    version = single(headers, "Sec-WebSocket-Version")
    if version != VERSION:
        raise InvalidHeaderValue("Sec-WebSocket-Version", version)


def _remember(said: tuple[object, ...]) -> None:
    if len(repr(said)) <= _LONG:
        if len(_sound) >= _MANY:
            _sound.clear()
        _sound.add(said)


def select_compression(
    request: Request, options: PerMessageDeflate | None
) -> tuple[Deflate, str] | None:
    """Choose from the extensions that the client offers.

    Args:
        request: the request.
        options: the server's options of compression; None for no compression.

    Returns:
        The agreed parameters, and the answer for Sec-WebSocket-Extensions; None for no compression.

    Raises:
        InvalidHeaderFormat: the offer doesn't follow the grammar, even if no extension would be
            accepted.
    """
    # Section 9: "A server MUST NOT respond with any extension not requested by the client." Unknown
    # extensions are ignored: servers "MAY accept some or all extensions requested by the client."
    values = tuple(request.fields.get_all("Sec-WebSocket-Extensions"))
    if not values:
        return None
    if sum(map(len, values)) > _LONG:
        return _agree(values, options)
    return _agree_again(values, options)


def _agree(
    values: tuple[str, ...], options: PerMessageDeflate | None
) -> tuple[Deflate, str] | None:
    offered = parse_extensions(values)
    return None if options is None else accept_offer(offered, options)


# Clients with the same browser or library offer the same extensions. They share the result, which
# is immutable.
_agree_again = lru_cache(maxsize=_MANY)(_agree)


def offered_subprotocols(request: Request) -> list[str]:
    """Return the subprotocols that the client offers, best first.

    Raises:
        InvalidHeaderFormat: the offer isn't a list of tokens.
    """
    values = request.fields.get_all("Sec-WebSocket-Protocol")
    return parse_tokens("Sec-WebSocket-Protocol", values) if values else []


def select_subprotocol(request: Request, available: Sequence[str]) -> str | None:
    """Choose the server's most preferred subprotocol of those that the client offers.

    Args:
        request: the request.
        available: the subprotocols of the server, best first.

    Returns:
        The subprotocol; None if `available` is empty, or the client offers none.

    Raises:
        InvalidHeaderFormat: the offer isn't a list of tokens.
        NegotiationError: both sides have subprotocols, but none in common.
    """
    # Section 4.2.2: "The value chosen MUST be derived from the client's handshake, specifically by
    # selecting one of the values from the |Sec-WebSocket-Protocol| field". The server's order
    # counts: the section leaves the order open, and the server knows the cost of each subprotocol.
    offered = offered_subprotocols(request)
    if not available or not offered:
        return None
    for name in available:
        if name in offered:
            return name
    # Section 4.2.2 would also allow "null" here, that is a connection without a subprotocol. The
    # server refuses instead: the two sides would speak two languages, and notice at the first
    # message.
    raise NegotiationError(f"invalid subprotocol; expected one of {', '.join(available)}")


def acceptance(
    request: Request, subprotocol: str | None, extensions: str | None = None, more: bytes = b""
) -> bytes:
    """Return the head of the response that opens the connection (section 4.2.2).

    Args:
        request: the request, which has been checked.
        subprotocol: the selected subprotocol, a token; None for none.
        extensions: the answer of `select_compression`; None for none.
        more: further header lines, each with its CRLF.
    """
    lines = f"{_ACCEPTED}{accept_key(request.fields['Sec-WebSocket-Key'])}\r\n"
    # Section 4.2.2: without a subprotocol, the server "MUST NOT send back a
    # |Sec-WebSocket-Protocol| header field in its response". The empty string "is not a legal value
    # for this field."
    if subprotocol is not None:
        lines += f"Sec-WebSocket-Protocol: {subprotocol}\r\n"
    if extensions is not None:
        lines += f"Sec-WebSocket-Extensions: {extensions}\r\n"
    return lines.encode("ascii") + more + b"\r\n"


def accept(
    request: Request, subprotocol: str | None, extensions: str | None = None, more: bytes = b""
) -> Response:
    """Return the response whose head is `acceptance`."""
    response = ResponseReader().receive(acceptance(request, subprotocol, extensions, more))
    assert response is not None
    return response


def check_acceptance(
    request: Request, subprotocol: str | None, extensions: str | None, response: Response
) -> None:
    """Make sure that the application has kept the headers of `accept` that open the connection.

    Raises:
        ValueError: a header has changed, or the response has a body.
    """
    # RFC 9110 section 15.2: a 1xx response "cannot contain content or trailers." The client would
    # read a body as frames.
    if response.body:
        raise ValueError("a response that opens the connection has no body")
    for name, value in {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": accept_key(request.fields["Sec-WebSocket-Key"]),
        "Sec-WebSocket-Protocol": subprotocol,
        "Sec-WebSocket-Extensions": extensions,
    }.items():
        if response.headers.get(name) != value:
            raise ValueError(f"a response that opens the connection must keep its {name}")


# RFC 6455 section 4.2.1 asks for "an appropriate error code (such as 400 Bad Request)"; all
# exceptions that aren't in this table have this status.
_STATUSES: dict[type[InvalidHandshake], HTTPStatus] = {
    RequestLineTooLong: HTTPStatus.REQUEST_URI_TOO_LONG,
    HeaderLineTooLong: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    TooManyHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    InvalidMethod: HTTPStatus.METHOD_NOT_ALLOWED,
    InvalidProtocol: HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
    # RFC 9110 section 15.5.20: 421 means that the server "is unable or unwilling to produce an
    # authoritative response for the target URI."
    InvalidHost: HTTPStatus.MISDIRECTED_REQUEST,
    # Section 4.2.2: "If the server does not wish to accept this connection, it MUST return an
    # appropriate HTTP error code (e.g., 403 Forbidden)".
    InvalidOrigin: HTTPStatus.FORBIDDEN,
    # Section 4.2.2: "If the requested service is not available, the server MUST send an appropriate
    # HTTP error code (such as 404 Not Found)".
    InvalidPath: HTTPStatus.NOT_FOUND,
    InvalidUpgrade: HTTPStatus.UPGRADE_REQUIRED,
    OpeningTimeout: HTTPStatus.REQUEST_TIMEOUT,
    ServerClosing: HTTPStatus.SERVICE_UNAVAILABLE,
    TooManyConnections: HTTPStatus.SERVICE_UNAVAILABLE,
    # RFC 6585 section 4: 429 means that the client "has sent too many requests in a given amount of
    # time". A limit of connections is the nearest thing to that.
    TooManyConnectionsFromHost: HTTPStatus.TOO_MANY_REQUESTS,
}

# The number of seconds after which another client may have gone.
_RETRY_AFTER = b"10"


def refusal(reason: InvalidHandshake) -> Response:
    """Return the HTTP response that tells a client why there is no connection."""
    # Section 10.7: "If the invalid data is sent during the WebSocket handshake, the server SHOULD
    # return an appropriate HTTP [RFC2616] status code." The text quotes the exception, which is
    # escaped, and nothing of the server's own state.
    status = _STATUSES.get(type(reason), HTTPStatus.BAD_REQUEST)
    if isinstance(reason, InvalidUpgrade):
        text = (
            "This is a WebSocket server: it can't be opened as a web page.\n"
            "Connect to it with a WebSocket client.\n"
            f"(The handshake failed: {reason}.)\n"
        )
    else:
        text = f"The WebSocket handshake failed: {reason}.\n"
    response = Response.plain(status, text)
    if isinstance(reason, InvalidUpgrade):
        # RFC 9110 section 15.5.22: "The server MUST send an Upgrade header field in a 426 response
        # to indicate the required protocol(s)". Section 7.8 also demands "upgrade" in Connection.
        response.headers.setRawHeaders("Connection", ["Upgrade, close"])
        response.headers.addRawHeader("Upgrade", "websocket")
    elif isinstance(reason, InvalidMethod):
        # RFC 9110 section 15.5.6: "The origin server MUST generate an Allow header field in a 405
        # response".
        response.headers.addRawHeader("Allow", "GET")
    elif isinstance(reason, InvalidHeader) and reason.name == "Sec-WebSocket-Version":
        # Section 4.4: if the server doesn't support the requested version, "it MUST respond with a
        # |Sec-WebSocket-Version| header field [...] containing all versions it is willing to use."
        response.headers.addRawHeader("Sec-WebSocket-Version", VERSION)
    elif isinstance(reason, (TooManyConnections, TooManyConnectionsFromHost)):
        # RFC 9110 section 10.2.3: with a 503, Retry-After tells how long the service is expected to
        # be unavailable. RFC 6585 section 4 allows it with a 429.
        response.headers.addRawHeader(b"Retry-After", _RETRY_AFTER)
    return response
