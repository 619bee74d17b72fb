"""The client's side of the opening handshake (RFC 6455 section 4.1)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from secrets import token_bytes

from txws2.wire.exceptions import InvalidHeaderValue, NegotiationError
from txws2.wire.handshake.extra_fields import HeadersLike, add_header, add_headers
from txws2.wire.handshake.rules import (
    VERSION,
    accept_key,
    check_subprotocols,
    check_upgrade,
    single,
)
from txws2.wire.http.credentials import basic
from txws2.wire.http.fields import Headers
from txws2.wire.http.grammar import parse_extensions, parse_tokens
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.statuses import InvalidStatus
from txws2.wire.http.uris import WebSocketURI
from txws2.wire.permessage_deflate import Deflate, PerMessageDeflate, check_answer, make_offers

__all__ = ["build_request", "check_compression", "check_response"]


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

    The user's own Authorization and User-Agent go before what the URI's credentials and
    user_agent_header would make of these; two of one header would be read in two ways.
    An authorization is sent in place of both.

    Raises:
        InvalidHeader: something to be sent can't be put in a header, or is there twice.
        NegotiationError: the subprotocols can't be offered.
        TypeError: something isn't a str that must be one.
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
        add_header(headers, "Origin", origin)
    if user_agent_header is not None:
        add_header(headers, "User-Agent", user_agent_header)
    if uri.username is not None:
        headers.addRawHeader("Authorization", basic(uri.username, uri.password))
    add_headers(headers, additional_headers)
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
