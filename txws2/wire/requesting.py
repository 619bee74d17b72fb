"""The client's side of the opening handshake (RFC 6455 section 4.1)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from secrets import token_bytes

from txws2.exceptions import InvalidHeader, InvalidHeaderValue, InvalidStatus, NegotiationError
from txws2.wire.credentials import basic
from txws2.wire.deflate import Deflate, PerMessageDeflate, check_answer, make_offers
from txws2.wire.fields import Headers
from txws2.wire.handshake import VERSION, accept_key, check_subprotocols, check_upgrade, single
from txws2.wire.headers import is_token, parse_extensions, parse_tokens
from txws2.wire.http import Request, Response
from txws2.wire.uri import WebSocketURI

__all__ = [
    "HeadersLike",
    "build_request",
    "check_compression",
    "check_response",
    "without_credentials",
]

HeadersLike = Mapping[str, str] | Iterable[tuple[str, str]]
"""Headers as a user gives them: a mapping, or pairs where a name occurs more than once."""

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

# Those that are for one origin only (RFC 9110 section 15.4).
_CREDENTIALS = {"authorization", "cookie", "proxy-authorization"}


def build_request(
    uri: WebSocketURI,
    *,
    origin: str | None = None,
    subprotocols: Sequence[str] = (),
    compression: PerMessageDeflate | None = None,
    additional_headers: HeadersLike = (),
    user_agent_header: str | None = None,
    authorization: str | None = None,
) -> Request:
    """Return the request of section 4.1, with a key of its own.

    An authorization is sent in place of the credentials that the URI or the headers have.

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
    headers.addRawHeader("Sec-WebSocket-Version", VERSION)
    if subprotocols:
        headers.addRawHeader("Sec-WebSocket-Protocol", ", ".join(subprotocols))
    if compression is not None:
        offers = ", ".join(make_offers(compression))
        headers.addRawHeader("Sec-WebSocket-Extensions", offers)
    if origin is not None:
        _add_header(headers, "Origin", origin)
    if user_agent_header is not None:
        _add_header(headers, "User-Agent", user_agent_header)
    if authorization is None and uri.username is not None:
        headers.addRawHeader("Authorization", basic(uri.username, uri.password))
    _add_headers(headers, additional_headers)
    if authorization is not None:
        headers.setRawHeaders("Authorization", [authorization])
    return Request(uri.resource_name, headers)


def check_compression(response: Response, options: PerMessageDeflate | None) -> Deflate | None:
    """Judge the extensions that the server has chosen; return what is agreed.

    Args:
        response: the response.
        options: what the request has offered.

    Raises:
        InvalidHeaderFormat: they don't follow the grammar.
        NegotiationError: they weren't offered.
    """
    answered = parse_extensions(response.headers.get_all("Sec-WebSocket-Extensions"))
    return check_answer(answered, options)


def check_response(request: Request, response: Response) -> str | None:
    """Judge a server's response by section 4.1; return the subprotocol, None if there is none.

    Raises:
        InvalidStatus: it isn't a 101.
        InvalidHandshake: it doesn't answer this request; the kind says why.
    """
    if response.status_code != 101:
        raise InvalidStatus(response)
    headers = response.headers
    check_upgrade(headers)
    expected = accept_key(request.headers["Sec-WebSocket-Key"])
    answer = single(headers, "Sec-WebSocket-Accept")
    if answer != expected:
        raise InvalidHeaderValue("Sec-WebSocket-Accept", answer)
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


def without_credentials(additional: HeadersLike) -> HeadersLike:
    """Return the headers that another origin may see, too."""
    pairs = additional.items() if isinstance(additional, Mapping) else additional
    return [(name, value) for name, value in pairs if name.lower() not in _CREDENTIALS]


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
