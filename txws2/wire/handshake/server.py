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
    "accept",
    "acceptance",
    "check_acceptance",
    "check_request",
    "offered_subprotocols",
    "refusal",
    "select_compression",
    "select_subprotocol",
]

# RFC 9110 section 7.2; a name, an IPv4 address or an IPv6 one in brackets, and a port. To the last,
# RFC 6874 adds the zone of a link-local address; curl and others send it with % alone.
_HOST = re.compile(
    r"(?:[0-9A-Za-z._~\-%!$&'()*+,;=]+|\[[0-9A-Fa-f:.]+(?:%[0-9A-Za-z._~\-%]+)?\])(?::\d{0,5})?"
)

# All that use a certain browser, or library, say the same in these: it needs to be judged once.
_ALIKE = (
    "host",
    "connection",
    "upgrade",
    "sec-websocket-version",
    "content-length",
    "transfer-encoding",
)
# So much is kept of what they say. What is longer is none of theirs, and isn't to fill the memory.
_MANY = 64
_LONG = 256

_sound: set[tuple[object, ...]] = set()

_ACCEPTED = (
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: "
)


def check_request(request: Request) -> None:
    """Judge a request by section 4.2.1.

    Raises:
        InvalidHandshake: it isn't one for a WebSocket of version 13; the kind says why.
    """
    if request.protocol != "HTTP/1.1":
        # RFC 9110 section 7.8: a server MUST ignore an Upgrade that comes with HTTP/1.0.
        raise InvalidProtocol(request.protocol)
    if request.method != "GET":
        raise InvalidMethod(request.method)
    headers = request.fields
    said = headers.said(_ALIKE)
    if said not in _sound:
        _judge(headers)
        _remember(said)
    key = single(headers, "Sec-WebSocket-Key")
    try:
        nonce = a2b_base64(key, strict_mode=True)
    except ValueError:
        nonce = b""
    if len(nonce) != 16:
        raise InvalidHeaderValue("Sec-WebSocket-Key", key)


def _judge(headers: Lookup) -> None:
    """Judge those headers of a request that are the same whenever a client connects."""
    host = single(headers, "Host")
    if not _HOST.fullmatch(host):
        raise InvalidHeaderValue("Host", host)
    # RFC 9112 section 6: these announce a body; whatever it was, it would be read as frames.
    if "Transfer-Encoding" in headers or headers.get("Content-Length", "0") != "0":
        raise InvalidMessage("the request has a body; a GET for a WebSocket has none")
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
        options: how to compress; None not to.

    Returns:
        What is agreed, and the answer; None for no compression.

    Raises:
        InvalidHeaderFormat: the offer doesn't follow the grammar, whatever was made of it.
    """
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


# They offer the same, too, and can share what comes of it.
_agree_again = lru_cache(maxsize=_MANY)(_agree)


def offered_subprotocols(request: Request) -> list[str]:
    """Return the subprotocols that the client offers, best first.

    Raises:
        InvalidHeaderFormat: the offer isn't a list of tokens.
    """
    values = request.fields.get_all("Sec-WebSocket-Protocol")
    return parse_tokens("Sec-WebSocket-Protocol", values) if values else []


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
    offered = offered_subprotocols(request)
    if not available or not offered:
        return None
    for name in available:
        if name in offered:
            return name
    raise NegotiationError(f"invalid subprotocol; expected one of {', '.join(available)}")


def acceptance(
    request: Request, subprotocol: str | None, extensions: str | None = None, more: bytes = b""
) -> bytes:
    """Return the head of the response that opens the connection (section 4.2.2).

    Args:
        request: the request, which has been checked.
        subprotocol: the one selected, a token; None for none.
        extensions: the answer of `select_compression`; None for none.
        more: further header lines, each with its CRLF.
    """
    lines = f"{_ACCEPTED}{accept_key(request.fields['Sec-WebSocket-Key'])}\r\n"
    if subprotocol is not None:
        lines += f"Sec-WebSocket-Protocol: {subprotocol}\r\n"
    if extensions is not None:
        lines += f"Sec-WebSocket-Extensions: {extensions}\r\n"
    return lines.encode("ascii") + more + b"\r\n"


def accept(
    request: Request, subprotocol: str | None, extensions: str | None = None, more: bytes = b""
) -> Response:
    """Return the response of which `acceptance` is the head."""
    response = ResponseReader().receive(acceptance(request, subprotocol, extensions, more))
    assert response is not None
    return response


def check_acceptance(
    request: Request, subprotocol: str | None, extensions: str | None, response: Response
) -> None:
    """Make sure that the application left alone what `accept` has said for the two sides.

    Raises:
        ValueError: it didn't, or it added a body, which would be read as frames.
    """
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


_STATUSES: dict[type[InvalidHandshake], HTTPStatus] = {
    RequestLineTooLong: HTTPStatus.REQUEST_URI_TOO_LONG,
    HeaderLineTooLong: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    TooManyHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    InvalidMethod: HTTPStatus.METHOD_NOT_ALLOWED,
    InvalidProtocol: HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
    # RFC 9110 section 15.5.20: the request was meant for another server.
    InvalidHost: HTTPStatus.MISDIRECTED_REQUEST,
    InvalidOrigin: HTTPStatus.FORBIDDEN,
    InvalidPath: HTTPStatus.NOT_FOUND,
    InvalidUpgrade: HTTPStatus.UPGRADE_REQUIRED,
    OpeningTimeout: HTTPStatus.REQUEST_TIMEOUT,
    ServerClosing: HTTPStatus.SERVICE_UNAVAILABLE,
    TooManyConnections: HTTPStatus.SERVICE_UNAVAILABLE,
    # RFC 6585 section 4.
    TooManyConnectionsFromHost: HTTPStatus.TOO_MANY_REQUESTS,
}

# Seconds until somebody may have gone.
_RETRY_AFTER = b"10"


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
        # RFC 9110 section 15.5.6.
        response.headers.addRawHeader("Allow", "GET")
    elif isinstance(reason, InvalidHeader) and reason.name == "Sec-WebSocket-Version":
        # Section 4.4.
        response.headers.addRawHeader("Sec-WebSocket-Version", VERSION)
    elif isinstance(reason, (TooManyConnections, TooManyConnectionsFromHost)):
        # RFC 9110 section 10.2.3.
        response.headers.addRawHeader(b"Retry-After", _RETRY_AFTER)
    return response
