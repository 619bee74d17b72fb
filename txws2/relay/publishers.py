"""The right to publish: a rule for WebSocket clients, and tokens for HTTP."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Literal

from txws2._checks.kinds import shown
from txws2._checks.signatures import check_hook
from txws2._deferreds.callables import result_of
from txws2.relay.wording import RelayError
from txws2.server.bearer import TokenFile
from txws2.server.hooks import ProcessRequest
from txws2.wire.http.credentials import is_token, parse_bearer
from txws2.wire.http.heads import Request, Response

__all__ = [
    "PUBLISH_TOKEN",
    "MayPublish",
    "TokenSource",
    "Tokens",
    "check_may_publish",
    "may_publish",
    "publisher_auth",
    "token_check",
    "token_of",
]

PUBLISH_TOKEN = "Publish-Token"
"""The header for a token beside an Authorization header that proves who connects."""

MayPublish = Literal["everybody", "nobody"] | Callable[[Any, str], object]
"""The WebSocket clients that may publish.

A function is called with the connection and the name of the room. It returns True or False, or an
awaitable of that.
"""

TokenSource = str | os.PathLike[str] | Callable[[str, str], object]
"""The bearer tokens with which HTTP clients may publish.

The path is that of a `TokenFile`. A function is called with a token and the name of the room, and
returns True or False, or an awaitable of that.
"""

Tokens = Callable[[str, str], object]


def check_may_publish(rule: object) -> None:
    """Check the option that says who may publish.

    Raises:
        TypeError: it is neither a word nor a function of a connection and a room.
        ValueError: there is no such word.
    """
    if isinstance(rule, str):
        if rule not in ("everybody", "nobody"):
            raise ValueError(f"publish must be 'everybody', 'nobody' or a function; it is {rule!r}")
    else:
        check_hook("publish", rule, ["connection", "room"])


async def may_publish(rule: MayPublish, connection: Any, room: str) -> bool:
    """Tell whether a connection may publish in a room."""
    if callable(rule):
        return bool(await result_of(rule(connection, room)))
    return rule == "everybody"


def token_check(tokens: TokenSource) -> Tokens:
    """Return the function that checks the tokens.

    Raises:
        TypeError: it is neither a path nor a function of a token and a room.
        ValueError: the file can't be read, or a line is wrong.
    """
    if isinstance(tokens, (str, os.PathLike)):
        known = TokenFile(tokens)
        return lambda token, room: known(token)
    if not callable(tokens):
        raise TypeError(f"tokens must be a path or a function; it is {shown(tokens)}")
    check_hook("tokens", tokens, ["token", "room"])
    return tokens


def token_of(values: Callable[[str], Sequence[str]]) -> str | None:
    """Return the token of a request to publish; None if there is none.

    Args:
        values: returns the values of a header.
    """
    given = values(PUBLISH_TOKEN)
    token = given[0] if given else parse_bearer("".join(values("Authorization")[:1]))
    return token if token is not None and is_token(token) else None


def publisher_auth(relay: Any) -> ProcessRequest:
    """Make a `process_request` hook that accepts who may publish, for publishing and nothing else.

    It stands beside other hooks, of which one is enough, in front of the resource of a relay. So
    whoever has a token for publishing needs no other proof.

    Args:
        relay: the relay, which has tokens.
    """

    async def process_request(connection: Any, request: Request) -> Response | None:
        token = token_of(request.fields.get_all)
        if request.method == "POST" and token is not None:
            try:
                room, _ = relay.place_of(request)
            except (LookupError, RelayError):
                room = None
            if room is not None and await result_of(relay.tokens(token, room)):
                return None
        return Response.plain(HTTPStatus.UNAUTHORIZED, "A token for publishing is needed.\n")

    return process_request
