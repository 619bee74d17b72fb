"""The opening handshake (RFC 6455 section 4): what each side says, and judges of the other."""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha1
from http import HTTPStatus
from secrets import token_bytes

from txws2.exceptions import (
    HeaderLineTooLong,
    InvalidHandshake,
    InvalidHeader,
    InvalidHeaderValue,
    InvalidMessage,
    InvalidMethod,
    InvalidOrigin,
    InvalidProtocol,
    InvalidStatus,
    InvalidUpgrade,
    NegotiationError,
    OpeningTimeout,
    RequestLineTooLong,
    ServerClosing,
    TooManyHeaders,
)
from txws2.wire.headers import is_token, parse_extensions, parse_tokens
from txws2.wire.http import Headers, Request, Response
from txws2.wire.uri import WebSocketURI

__all__ = [
    "HeadersLike",
    "accept",
    "build_request",
    "check_origin",
    "check_request",
    "check_response",
    "check_subprotocols",
    "refusal",
    "select_subprotocol",
]

HeadersLike = Mapping[str, str] | Iterable[tuple[str, str]]
"""Headers as a user gives them: a mapping, or pairs where a name occurs more than once."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = "13"

# RFC 9110 section 7.2; a name, an IPv4 address or an IPv6 one in brackets, and a port.
_HOST = re.compile(r"(?:[0-9A-Za-z._~\-%!$&'()*+,;=]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")

# Those that the handshake itself is made of. Said twice, they would contradict themselves.
_RESERVED = {
    "connection",
    "content-length",
    "host",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "transfer-encoding",
    "upgrade",
}


def _accept_key(key: str) -> str:
    # Section 4.2.2, item 5.4.
    return b64encode(sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def _single(headers: Headers, name: str) -> str:
    values = headers.get_all(name)
    if not values:
        raise InvalidHeader(name)
    if len(values) > 1:
        raise InvalidHeader(name, "it occurs more than once")
    return values[0]


def _check_upgrade(headers: Headers) -> None:
    # Sections 4.1 and 4.2.1: both are compared without regard to case.
    connection = parse_tokens("Connection", headers.get_all("Connection"))
    if "upgrade" not in (token.lower() for token in connection):
        raise InvalidUpgrade("Connection", headers.get("Connection"))
    # RFC 9110 section 7.8: a list of protocols, each of them name or name/version.
    upgrade = ",".join(headers.get_all("Upgrade"))
    if "websocket" not in (word.strip(" \t").lower() for word in upgrade.split(",")):
        raise InvalidUpgrade("Upgrade", headers.get("Upgrade"))


def _add_headers(headers: Headers, additional: HeadersLike) -> None:
    """Add what the user wants sent, if it can't be anything but a header."""
    pairs = additional.items() if isinstance(additional, Mapping) else additional
    for name, value in pairs:
        if not is_token(name):
            raise InvalidHeader(name, "the name isn't a token")
        if name.lower() in _RESERVED:
            raise InvalidHeader(name, "it belongs to the handshake; it can't be added")
        _add_header(headers, name, value)


def _add_header(headers: Headers, name: str, value: str) -> None:
    # A CR or LF here would begin a header, or a request, of somebody else's choice.
    if not _HEADER_VALUE.fullmatch(value):
        raise InvalidHeader(name, f"{value[:80]!r} has a character other than printable ASCII")
    headers.addRawHeader(name, value)


def check_subprotocols(subprotocols: Sequence[str]) -> None:
    """Check what a user wants to offer or accept.

    Raises:
        TypeError: it is one string instead of a sequence of them.
        NegotiationError: one isn't a token (section 4.1), or occurs twice.
    """
    if isinstance(subprotocols, str):
        raise TypeError(f"subprotocols is a sequence of strings, as [{subprotocols!r}]")
    for name in subprotocols:
        if not is_token(name):
            raise NegotiationError(f"invalid subprotocol: {name!r} isn't a token")
    if len(set(subprotocols)) < len(subprotocols):
        raise NegotiationError("invalid subprotocols: one occurs twice")


# The server's side.


def check_request(request: Request) -> None:
    """Judge a request by section 4.2.1.

    Raises:
        InvalidHandshake: it isn't one for a WebSocket of version 13; the kind says why.
    """
    if request.method != "GET":
        raise InvalidMethod(request.method)
    headers = request.headers
    host = _single(headers, "Host")
    if not _HOST.fullmatch(host):
        raise InvalidHeaderValue("Host", host)
    # RFC 9112 section 6: these announce a body; whatever it was, it would be read as frames.
    if "Transfer-Encoding" in headers or headers.get("Content-Length", "0") != "0":
        raise InvalidMessage("the request has a body; a GET for a WebSocket has none")
    _check_upgrade(headers)
    version = _single(headers, "Sec-WebSocket-Version")
    if version != _VERSION:
        raise InvalidHeaderValue("Sec-WebSocket-Version", version)
    key = _single(headers, "Sec-WebSocket-Key")
    try:
        nonce = a2b_base64(key.encode(), strict_mode=True)
    except Base64Error:
        nonce = b""
    if len(nonce) != 16:
        raise InvalidHeaderValue("Sec-WebSocket-Key", key)
    # What is offered must be well-formed, whatever is made of it (section 9.1).
    parse_extensions(headers.get_all("Sec-WebSocket-Extensions"))


def check_origin(request: Request, origins: Sequence[str | None] | None) -> None:
    """Refuse an Origin that isn't among those accepted (section 10.2).

    Args:
        request: the request.
        origins: those accepted, as "https://example.com"; None in it accepts a request without
            one, as from programs. None for all of it accepts every request, so that any page
            that a user visits can connect as that user.

    Raises:
        InvalidOrigin: it isn't one of them.
        InvalidHeader: there is more than one.
    """
    if origins is not None:
        origin = _single(request.headers, "Origin") if "Origin" in request.headers else None
        if origin not in origins:
            raise InvalidOrigin(origin)


def select_subprotocol(request: Request, available: Sequence[str]) -> str | None:
    """Choose the server's most preferred one of those that the client offers.

    Args:
        request: the request.
        available: what the server speaks, best first. If it is empty, or the client offers
            none, there is no subprotocol.

    Raises:
        InvalidHeaderFormat: the offer isn't a list of tokens.
        NegotiationError: there are both, but none in common.
    """
    offered = parse_tokens(
        "Sec-WebSocket-Protocol", request.headers.get_all("Sec-WebSocket-Protocol")
    )
    if not available or not offered:
        return None
    for name in available:
        if name in offered:
            return name
    raise NegotiationError(f"invalid subprotocol; expected one of {', '.join(available)}")


def accept(request: Request, subprotocol: str | None) -> Response:
    """Return the response that opens the connection (section 4.2.2)."""
    headers = Headers()
    headers.addRawHeader("Upgrade", "websocket")
    headers.addRawHeader("Connection", "Upgrade")
    headers.addRawHeader("Sec-WebSocket-Accept", _accept_key(request.headers["Sec-WebSocket-Key"]))
    if subprotocol is not None:
        headers.addRawHeader("Sec-WebSocket-Protocol", subprotocol)
    return Response(101, "Switching Protocols", headers)


_STATUSES: dict[type[InvalidHandshake], HTTPStatus] = {
    RequestLineTooLong: HTTPStatus.REQUEST_URI_TOO_LONG,
    HeaderLineTooLong: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    TooManyHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    InvalidMethod: HTTPStatus.METHOD_NOT_ALLOWED,
    InvalidProtocol: HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
    InvalidOrigin: HTTPStatus.FORBIDDEN,
    InvalidUpgrade: HTTPStatus.UPGRADE_REQUIRED,
    OpeningTimeout: HTTPStatus.REQUEST_TIMEOUT,
    ServerClosing: HTTPStatus.SERVICE_UNAVAILABLE,
}


def refusal(reason: InvalidHandshake) -> Response:
    """Return the HTTP response that tells a client why there is no connection."""
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
        # RFC 9110 section 15.5.22: a 426 MUST say what to upgrade to.
        response.headers.setRawHeaders("Connection", ["Upgrade, close"])
        response.headers.addRawHeader("Upgrade", "websocket")
    elif isinstance(reason, InvalidMethod):
        # RFC 9110 section 15.5.6, and 9.3.2: the answer to HEAD has no body.
        response.headers.addRawHeader("Allow", "GET")
        if reason.method == "HEAD":
            response.body = b""
    elif isinstance(reason, InvalidHeader) and reason.name == "Sec-WebSocket-Version":
        # Section 4.4.
        response.headers.addRawHeader("Sec-WebSocket-Version", _VERSION)
    return response


# The client's side.


def build_request(
    uri: WebSocketURI,
    *,
    origin: str | None = None,
    subprotocols: Sequence[str] = (),
    additional_headers: HeadersLike = (),
    user_agent_header: str | None = None,
) -> Request:
    """Return the request of section 4.1, with a key of its own.

    Raises:
        InvalidHeader: something to be sent can't be put in a header.
        NegotiationError: the subprotocols can't be offered.
    """
    check_subprotocols(subprotocols)
    headers = Headers()
    headers.addRawHeader("Host", uri.host_header)
    headers.addRawHeader("Upgrade", "websocket")
    headers.addRawHeader("Connection", "Upgrade")
    headers.addRawHeader("Sec-WebSocket-Key", b64encode(token_bytes(16)).decode())
    headers.addRawHeader("Sec-WebSocket-Version", _VERSION)
    if subprotocols:
        headers.addRawHeader("Sec-WebSocket-Protocol", ", ".join(subprotocols))
    if origin is not None:
        _add_header(headers, "Origin", origin)
    if user_agent_header is not None:
        _add_header(headers, "User-Agent", user_agent_header)
    if uri.username is not None:
        # RFC 7617.
        credentials = f"{uri.username}:{uri.password or ''}".encode()
        headers.addRawHeader("Authorization", f"Basic {b64encode(credentials).decode()}")
    _add_headers(headers, additional_headers)
    return Request(uri.resource_name, headers)


def check_response(request: Request, response: Response) -> str | None:
    """Judge a server's response by section 4.1; return the subprotocol, None if there is none.

    Raises:
        InvalidStatus: it isn't a 101.
        InvalidHandshake: it doesn't answer this request; the kind says why.
    """
    if response.status_code != 101:
        raise InvalidStatus(response)
    headers = response.headers
    _check_upgrade(headers)
    expected = _accept_key(request.headers["Sec-WebSocket-Key"])
    answer = _single(headers, "Sec-WebSocket-Accept")
    if answer != expected:
        raise InvalidHeaderValue("Sec-WebSocket-Accept", answer)
    extensions = parse_extensions(headers.get_all("Sec-WebSocket-Extensions"))
    if extensions:
        raise NegotiationError(f"unsupported extension: {extensions[0][0]}; none was offered")
    chosen = parse_tokens("Sec-WebSocket-Protocol", headers.get_all("Sec-WebSocket-Protocol"))
    if not chosen:
        return None
    if len(chosen) > 1:
        raise NegotiationError(f"more than one subprotocol: {', '.join(chosen)}")
    offered = parse_tokens(
        "Sec-WebSocket-Protocol", request.headers.get_all("Sec-WebSocket-Protocol")
    )
    if chosen[0] not in offered:
        raise NegotiationError(f"unsupported subprotocol: {chosen[0]}; it was not offered")
    return chosen[0]
