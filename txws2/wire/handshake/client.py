"""The client's side of the opening handshake (RFC 6455 section 4.1)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
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


_LONGEST_KEPT = 200


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

    Args:
        uri: the URI of the server.
        origin: the value of Origin; None for none, as programs send none.
        subprotocols: the subprotocols to offer, best first.
        compression: the options of compression to offer; None to offer none.
        additional_headers: further headers. An Authorization or a User-Agent among them replaces
            the one that would be made of the URI's credentials or of user_agent_header.
        user_agent_header: the value of User-Agent; None for none.
        authorization: the value of Authorization, in place of every other one.

    Raises:
        InvalidHeader: a value has a character that no header may have, or a header occurs twice.
        NegotiationError: the subprotocols can't be offered.
        TypeError: an argument isn't a str that must be one.
    """
    check_subprotocols(subprotocols)
    headers = Headers()
    # Section 4.1, items 4 to 6: "The request MUST contain a |Host| header field", "an |Upgrade|
    # header field whose value MUST include the "websocket" keyword", and "a |Connection| header
    # field whose value MUST include the "Upgrade" token."
    headers.addRawHeader("Host", uri.host_header)
    headers.addRawHeader("Upgrade", "websocket")
    headers.addRawHeader("Connection", "Upgrade")
    # Item 7: the key is "a nonce consisting of a randomly selected 16-byte value that has been
    # base64-encoded". "The nonce MUST be selected randomly for each connection."
    headers.addRawHeader("Sec-WebSocket-Key", b64encode(token_bytes(16)).decode())
    # Item 9: "The value of this header field MUST be 13."
    headers.addRawHeader("Sec-WebSocket-Version", VERSION)
    # Item 10: "one or more comma-separated subprotocol the client wishes to speak, ordered by
    # preference." The ABNF 1#token has no empty list, so the header is left out then.
    if subprotocols:
        headers.addRawHeader("Sec-WebSocket-Protocol", ", ".join(subprotocols))
    if compression is not None:
        offers = ", ".join(make_offers(compression))
        headers.addRawHeader("Sec-WebSocket-Extensions", offers)
    # Item 8: "If the connection is from a non-browser client, the request MAY include this header
    # field". Some servers accept no request without it.
    if origin is not None:
        add_header(headers, "Origin", origin)
    if user_agent_header is not None:
        add_header(headers, "User-Agent", user_agent_header)
    # Item 12: "The request MAY include any other header fields, for example, cookies [RFC6265]
    # and/or authentication-related header fields". Two of one header would be read in two ways, so
    # each of these occurs once.
    if uri.username is not None:
        headers.addRawHeader("Authorization", basic(uri.username, uri.password))
    add_headers(headers, additional_headers)
    if authorization is not None:
        headers.setRawHeaders("Authorization", [authorization])
    return Request(uri.resource_name, headers)


def check_compression(response: Response, options: PerMessageDeflate | None) -> Deflate | None:
    """Check the extensions that the server has chosen; return the agreed parameters.

    Args:
        response: the response.
        options: the options that the request has offered.

    Raises:
        InvalidHeaderFormat: the extensions don't follow the grammar.
        NegotiationError: an extension wasn't offered.
    """
    # Section 4.1, item 5: if the response "indicates the use of an extension that was not present
    # in the client's handshake [...], the client MUST _Fail the WebSocket Connection_."
    values = tuple(response.headers.get_all("Sec-WebSocket-Extensions"))
    ordinary = len(values) == 1 and len(values[0]) < _LONGEST_KEPT
    return (_agreed_before if ordinary else _agreed)(values, options)


def _agreed(values: tuple[str, ...], options: PerMessageDeflate | None) -> Deflate | None:
    return check_answer(parse_extensions(values), options)


# Nearly all servers answer an offer in the same words. An exception isn't kept.
_agreed_before = lru_cache(maxsize=16)(_agreed)


def check_response(request: Request, response: Response) -> str | None:
    """Check a server's response by section 4.1; return the subprotocol, None if there is none.

    Raises:
        InvalidStatus: the status isn't 101.
        InvalidHandshake: the response doesn't answer this request; the subclass tells the rule.
    """
    # Section 4.1, item 1: "If the status code received from the server is not 101, the client
    # handles the response per HTTP [RFC2616] procedures." The caller does, with this exception.
    if response.status_code != 101:
        raise InvalidStatus(response)
    headers = response.headers
    # Items 2 and 3: if the response lacks Upgrade or Connection, or these don't match "websocket"
    # and "Upgrade", "the client MUST _Fail the WebSocket Connection_."
    check_upgrade(headers)
    # Item 4: likewise if Sec-WebSocket-Accept is missing or "contains a value other than the
    # base64-encoded SHA-1" of the key and the GUID. It shows that the server has read this request,
    # and isn't a cache that repeats an old response.
    expected = accept_key(request.headers["Sec-WebSocket-Key"])
    answer = single(headers, "Sec-WebSocket-Accept")
    if answer != expected:
        raise InvalidHeaderValue("Sec-WebSocket-Accept", answer)
    chosen = parse_tokens("Sec-WebSocket-Protocol", headers.get_all("Sec-WebSocket-Protocol"))
    if not chosen:
        return None
    # Section 11.3.4: the header "MUST NOT appear more than once in an HTTP response." Section 4.3
    # has one token in it.
    if len(chosen) > 1:
        raise NegotiationError(f"more than one subprotocol: {', '.join(chosen)}")
    offered = parse_tokens(
        "Sec-WebSocket-Protocol", request.headers.get_all("Sec-WebSocket-Protocol")
    )
    # Item 6: if the response "indicates the use of a subprotocol that was not present in the
    # client's handshake [...], the client MUST _Fail the WebSocket Connection_." Why not fail if
    # the server chose none: section 4.2.2 allows "null", and the application can see it.
    if chosen[0] not in offered:
        raise NegotiationError(f"unsupported subprotocol: {chosen[0]}; it was not offered")
    return chosen[0]
