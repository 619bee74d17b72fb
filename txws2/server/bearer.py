"""`bearer_auth`: clients prove who they are by a token."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from secrets import token_bytes
from typing import Any

from txws2._deferreds.callables import result_of
from txws2.server.hooks import ProcessRequest
from txws2.server.watched_file import Unreadable, WatchedFile
from txws2.wire.http.credentials import bearer_challenge, is_token, parse_bearer
from txws2.wire.http.heads import Request, Response

__all__ = ["CheckToken", "TokenFile", "bearer_auth"]

CheckToken = Callable[[str], Any]
"""A function of a token.

It returns the name of the token's owner, or True for a right token without a name, or None or
False for a wrong one, or an awaitable of that.
"""

_QUERY = "access_token"


def bearer_auth(
    realm: str,
    *,
    tokens: Iterable[str] | Mapping[str, str] | None = None,
    check_token: CheckToken | None = None,
    in_query: bool = False,
) -> ProcessRequest:
    """Make a `process_request` hook that accepts clients with a token (RFC 6750).

    Clients send it as `Authorization: Bearer TOKEN`. The hook sets the connection's `username` if
    the token has a name, and its `auth_type` to "Bearer". Clients without a right token get a 401.

    A token is as good as a password, and travels in clear text: use the hook with TLS.

    Args:
        realm: the name of the protected area; printable ASCII.
        tokens: the tokens; or a mapping of each to the name of its owner. The time of a check
            tells nothing about them.
        check_token: a function that takes the place of tokens, such as a `TokenFile`. It returns
            the name of the token's owner, or True if it has none, or None or False if the token
            is wrong; or a coroutine or Deferred of that.
        in_query: True to accept `?access_token=TOKEN`, too, as pages of browsers can't set headers
            for a WebSocket. The danger: proxies, browsers and other servers log URIs, or keep them
            in a history. txws2 logs no queries. Give such pages tokens that expire soon.

    Raises:
        TypeError: there are both tokens and check_token, or neither; or tokens is a single string.
        ValueError: the realm isn't printable ASCII, or a token has other characters than
            letters, digits and "-._~+/", with "=" at its end.
    """
    if (tokens is None) == (check_token is None):
        given = "neither" if tokens is None else "both"
        raise TypeError(f"bearer_auth takes tokens or check_token; it was given {given}")
    if tokens is not None:
        check_token = Tokens(_checked(tokens))
    assert check_token is not None
    check: CheckToken = check_token
    bearer_challenge(realm)

    async def process_request(connection: Any, request: Request) -> Response | None:
        values = request.fields.get_all("Authorization")
        asked = request.query.get_all(_QUERY) if in_query else []
        if len(values) + len(asked) > 1:
            # RFC 6750 section 2: clients must not use more than one method in a request.
            text = "A request must have one token.\n"
            return _refusal(HTTPStatus.BAD_REQUEST, text, realm, "invalid_request")
        token = asked[0] if asked else parse_bearer(values[0]) if values else None
        if token is None or not is_token(token):
            return _refusal(HTTPStatus.UNAUTHORIZED, "A token is needed.\n", realm)
        name = await result_of(check(token))
        if name is None or name is False:
            text = "The token is wrong, or has expired.\n"
            return _refusal(HTTPStatus.UNAUTHORIZED, text, realm, "invalid_token")
        connection.auth_type = "Bearer"
        if name is not True:
            connection.username = name
        return None

    return process_request


def _refusal(status: HTTPStatus, text: str, realm: str, error: str | None = None) -> Response:
    response = Response.plain(status, text)
    response.headers.setRawHeaders("WWW-Authenticate", [bearer_challenge(realm, error)])
    return response


class Tokens:
    """Some tokens, each with the name of its owner or True."""

    def __init__(self, owners: Mapping[str, str | bool]) -> None:
        # The table has digests with a key that nobody knows, so the time of a search in it tells
        # nothing about the tokens.
        self._key = token_bytes(16)
        self._owners = {self._digest(token): owner for token, owner in owners.items()}

    def __call__(self, token: str) -> str | bool:
        """Return the owner of a token; False if there is no such token."""
        return self._owners.get(self._digest(token), False)

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._key, token.encode(), "sha256")


class TokenFile:
    """The tokens in a file, for the check_token of `bearer_auth`.

    Each line has a token, and after a space perhaps the name of its owner. Lines that begin with
    "#" are comments. The file is read again when it has changed; if it has become wrong, that is
    logged, and the tokens before count.

    Args:
        path: the path of the file. Only the server's user should be able to read it.

    Raises:
        ValueError: the file can't be read, or a line is wrong. The text doesn't show the tokens.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = WatchedFile(path, _parse)

    def __call__(self, token: str) -> str | bool:
        """Return the name of a token's owner; True if it has no name, False if it is wrong."""
        return self._file.value()(token)


def _parse(path: str, lines: list[str]) -> Tokens:
    owners: dict[str, str | bool] = {}
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        token, _, name = line.partition(" ")
        # These texts don't show the token.
        if not is_token(token):
            raise Unreadable(
                f"{path}:{number}: a token must have letters, digits and -._~+/ only, with = at "
                "its end, and a space before the name"
            )
        if token in owners:
            raise Unreadable(f"{path}:{number}: the token stands in a line before, too")
        owners[token] = name.strip() or True
    if not owners:
        raise Unreadable(f"{path!r} has no token; each line must have one, and perhaps a name")
    return Tokens(owners)


def _checked(tokens: Iterable[str] | Mapping[str, str]) -> dict[str, str | bool]:
    if isinstance(tokens, str):
        raise TypeError("tokens must be several strings, as ['a token'], or a mapping to names")
    owners: dict[str, str | bool]
    owners = dict(tokens) if isinstance(tokens, Mapping) else dict.fromkeys(tokens, True)
    for token in owners:
        # The texts don't show the value, which may be secret.
        if not isinstance(token, str):
            raise TypeError("tokens must be strings")
        if not is_token(token):
            raise ValueError(
                "a token must have letters, digits and -._~+/ only, with = at its end (RFC 6750)"
            )
    return owners
